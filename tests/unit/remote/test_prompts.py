"""Which prompts a password may be typed into."""

import pytest

from runicorn.errors import AuthFailedError, InteractionRequiredError
from runicorn.remote.ssh.prompts import PasswordAnswer, asks_for_password
from runicorn.remote.trust.target import Secret, Target

TARGET = Target.make("code.new.lab", 22, "pin")

FOR_THE_PASSWORD = [
    "Password: ",
    "password:",
    "Password",
    "(pin@code.new.lab) Password: ",
    "pin@code.new.lab's password: ",
    "Password for pin@code.new.lab:",
    "LDAP Password: ",
    "Enter your cluster password:",
    "Kerberos password for pin: ",
    "SUNetID password:",
    "Passwort:",
    "密码：",
    "Mot de passe : ",
]
FOR_SOMETHING_ELSE = [
    "New password: ",
    "(pin@code.new.lab) New password: ",
    "Retype new password: ",
    "Re-enter password:",
    "Current password: ",
    "(current) UNIX password: ",
    "Old Password:",
    "Password (again):",
    "Confirm password:",
    "Verification code: ",
    "Passcode:",
    "Enter PASSCODE:",
    "One-time password (OATH) for `pin': ",
    "One time password:",
    "OTP password:",
    "Temporary password:",
    "Password + token:",
    "Password followed by code:",
    "Second Password:",
    "Duo password:",
    "Enter PIN:",
    "Passcode or option (1-3): ",
    "Neues Passwort:",
    "Nouveau mot de passe : ",
    "新密码：",
    "Username:",
    "Passphrase for key:",
    "passwords:",
    "",
    " ",
    "\x1b[8mPassword change:",
]


@pytest.mark.parametrize("prompt", FOR_THE_PASSWORD)
def test_a_question_for_the_password_is_told(prompt):
    assert asks_for_password(prompt, TARGET)


@pytest.mark.parametrize("prompt", FOR_SOMETHING_ELSE)
def test_every_other_question_is_left_to_a_person(prompt):
    assert not asks_for_password(prompt, TARGET)


def test_the_password_is_typed_once():
    answer = PasswordAnswer(Secret("canary"), TARGET)
    assert answer.answer([]) == []
    assert not answer.typed
    assert answer.answer([("Password: ", False)]) == ["canary"]
    assert answer.typed
    assert answer.answer([]) == []  # PAM ends with an empty request
    with pytest.raises(AuthFailedError):
        answer.answer([("Password: ", False)])


@pytest.mark.parametrize(
    "prompts",
    [
        [("Password: ", True)],  # whoever shows what is typed wants no password
        [("Password: ", False), ("Verification code: ", False)],
        [("New password: ", False)],
    ],
)
def test_what_a_person_has_to_answer_is_named(prompts):
    answer = PasswordAnswer(Secret("canary"), TARGET)
    with pytest.raises(InteractionRequiredError) as raised:
        answer.answer(prompts)
    assert not answer.typed
    assert raised.value.prompts == tuple(text for text, _ in prompts)
    assert all(text.strip() in raised.value.detail for text, _ in prompts)


def test_what_a_server_asks_cannot_paint_the_terminal():
    with pytest.raises(InteractionRequiredError) as raised:
        PasswordAnswer(Secret("canary"), TARGET).answer([("\x1b[2J\r\nCode:" + "x" * 5000, False)])
    assert raised.value.detail.isprintable()
    assert len(raised.value.detail) < 400
