"""What a login's prompts are answered with, and what of it is kept."""

from __future__ import annotations

import pytest

from runicorn.errors import AuthFailedError, InteractionRequiredError, QuestionCancelledError
from runicorn.remote.asking.question import Asked
from runicorn.remote.ssh.replies import Replies
from runicorn.remote.trust.target import Secret, Target

TARGET = Target.make("gpu-7", 22, "me")


class Typist:
    """Types these answers, one list for each request."""

    def __init__(self, *answers: list[str]) -> None:
        self.left = list(answers)
        self.asked: list[list[str]] = []

    def ask(self, asked: Asked, still_there) -> list[Secret]:
        assert still_there()
        self.asked.append([each.text for each in asked.prompts])
        if not self.left:
            raise QuestionCancelledError("enough")
        return [Secret(each) for each in self.left.pop(0)]


def replies(password: str | None, asker: Typist | None) -> Replies:
    given = None if password is None else Secret(password)
    return Replies(TARGET, given, asker, "gpu-7", lambda: True, lambda words: None)


def hidden(*texts: str) -> list[tuple[str, bool]]:
    return [(text, False) for text in texts]


def test_a_given_password_is_typed_and_the_code_is_asked_for():
    typist = Typist(["246810"])
    mine = replies("pw", typist)
    assert mine.to_prompts("", "", hidden("Password: ")) == ["pw"]
    assert mine.to_prompts("", "", hidden("Verification code: ")) == ["246810"]
    assert mine.to_prompts("", "", []) == []
    assert typist.asked == [["Verification code: "]]
    login = mine.login(by_prompts=True)
    assert (login.password, login.by_person, login.by_prompts) == (Secret("pw"), True, True)


def test_a_password_that_is_typed_is_kept_and_no_code_is():
    mine = replies(None, Typist(["pw"]))
    assert mine.to_prompts("", "", hidden("(me@gpu-7) Password: ")) == ["pw"]
    login = mine.login(by_prompts=True)
    assert (login.password, login.by_person) == (Secret("pw"), False)
    mine = replies(None, Typist(["246810"]))
    mine.to_prompts("", "", hidden("Passcode: "))
    login = mine.login(by_prompts=True)
    assert (login.password, login.by_person) == (None, True)


def test_what_may_be_seen_is_no_password():
    mine = replies(None, Typist(["me"]))
    mine.to_prompts("", "", [("Password: ", True)])
    assert mine.login(by_prompts=True).password is None


def test_a_second_question_for_a_password_is_for_a_person_and_another_thing():
    mine = replies("pw", Typist(["token"]))
    mine.to_prompts("", "", hidden("Password: "))
    assert mine.to_prompts("", "", hidden("Password: ")) == ["token"]
    login = mine.login(by_prompts=True)
    assert (login.password, login.by_person) == (Secret("pw"), True)


def test_the_password_is_the_new_one_after_it_was_changed():
    mine = replies("old", Typist(["old"], ["new"], ["new"]))
    mine.to_prompts("", "", hidden("Password: "))
    mine.to_prompts("", "", hidden("Current password: "))
    mine.to_prompts("", "", hidden("New password: "))
    mine.to_prompts("", "", hidden("Retype new password: "))
    login = mine.login(by_prompts=True)
    assert (login.password, login.by_person) == (Secret("new"), False)


def test_a_new_password_is_asked_for_until_it_is_typed_twice_alike():
    typist = Typist(["a", "b"], ["c", "c"])
    mine = replies("old", typist)
    assert mine.password() == "old"
    assert mine.new_password("It has expired.") == "c"
    assert "not alike" in typist.asked[1][0]
    assert mine.login(by_prompts=False).password == Secret("c")


def test_a_push_is_a_login_that_needs_a_person():
    mine = replies("pw", Typist())
    mine.to_prompts("", "", hidden("Password: "))
    mine.to_prompts("", "Pushed a login request to your phone...", [])
    assert mine.login(by_prompts=True).by_person


def test_without_anybody_to_ask_nothing_is_guessed():
    with pytest.raises(InteractionRequiredError) as raised:
        replies("pw", None).to_prompts("", "", hidden("Passcode: "))
    assert raised.value.prompts == ("Passcode: ",)
    mine = replies("pw", None)
    mine.to_prompts("", "", hidden("Password: "))
    with pytest.raises(AuthFailedError):
        mine.to_prompts("", "", hidden("Password: "))
    with pytest.raises(InteractionRequiredError):
        replies(None, None).to_prompts("", "", hidden("Password: "))
    with pytest.raises(InteractionRequiredError):
        replies("pw", None).new_password("It has expired.")


def test_nothing_that_was_typed_can_be_read_off_it():
    mine = replies(None, Typist(["canary"]))
    mine.to_prompts("", "", hidden("Password: "))
    assert "canary" not in repr(mine.login(by_prompts=True))
