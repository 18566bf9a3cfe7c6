"""What a login's password may be typed into: one prompt that asks for it, once (RFC 4256). Pure.

Servers ask many things by prompts: a one-time code, a new password that replaces the old one. A password that is typed
into one of those is lost or burns a try, so anything but a plain question for the password is left to a person.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from runicorn.errors import AuthFailedError, InteractionRequiredError
from runicorn.remote.trust.target import Secret, Target

Prompts = Sequence[tuple[str, bool]]  # text, and whether what is typed may be seen

# In these languages only the bare word is taken, since it cannot be told what stands beside it.
_OTHER_WORDS = (
    "passwort|kennwort|mot de passe|contraseña|clave|senha|palavra-passe|parola|wachtwoord|lösenord|adgangskode|hasło|"
    "heslo|jelszó|пароль|şifre|密码|密碼|口令|パスワード|암호|비밀번호"
)
_PLAIN = re.compile(rf"(password|{_OTHER_WORDS})\s*[:：]?\s*", re.IGNORECASE)
_PASSWORD = re.compile(r"\bpassword\b", re.IGNORECASE)
# What makes it another question: a change, a repetition, a second secret, or something made for this login only.
_ANOTHER = re.compile(
    r"\b(new|old|current|previous|next|change|changed|expired?|re-?type|re-?enter|repeat|again|confirm\w*|verif\w*|"
    r"one-?\s?time|otp|totp|hotp|temporary|token|tokencode|code|passcode|pin|sms|duo|yubikey|authenticator|second|"
    r"2fa|mfa|factor|append\w*|followed|plus|and|or)\b",
    re.IGNORECASE,
)
_NEW_PASSWORD = re.compile(
    r"\b(new|re-?type|re-?enter|repeat|confirm\w*)\b.*\bpassword\b|\bpassword\b.*\b(again|once more)\b", re.IGNORECASE
)
_OLD_PASSWORD = re.compile(r"\b(old|current|previous)\b.*\bpassword\b", re.IGNORECASE)
# Words of a login that waits for something in the person's hand, and asks for nothing to be typed.
_IN_THE_HAND = re.compile(
    r"\b(push(ed)?|duo|approve|yubikey|security key|(your|registered) (phone|mobile|device))\b", re.IGNORECASE
)
_ACCOUNT = re.compile(r"^\s*\([^()\s]*@[^()\s]*\)\s*")  # OpenSSH puts "(me@gpu) " before what PAM asks


def asks_for_password(prompt: str, target: Target) -> bool:
    """Whether this prompt asks for the account's password and nothing else."""
    text = _ACCOUNT.sub("", prompt)
    for name in (f"{target.username}@{target.host}", target.username, target.host):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", text, flags=re.IGNORECASE)
    text = text.strip()
    if _PLAIN.fullmatch(text):
        return True
    return bool(_PASSWORD.search(text)) and not _ANOTHER.search(text)


def asks_for_new_password(prompt: str) -> bool:
    """Whether this prompt asks for the password that is to be the account's from now on, or for it once more."""
    return bool(_NEW_PASSWORD.search(prompt)) and not asks_for_old_password(prompt)


def asks_for_old_password(prompt: str) -> bool:
    """Whether this prompt asks for the password that is about to be changed."""
    return bool(_OLD_PASSWORD.search(prompt)) and not re.search(r"\bnew\b", prompt, re.IGNORECASE)


def wants_a_hand(words: str) -> bool:
    """Whether a server's words tell of a device that a person has to confirm the login on."""
    return bool(_IN_THE_HAND.search(words))


class PasswordAnswer:
    """Answers a server's prompts with a password. typed: whether it has left this machine in this login."""

    def __init__(self, password: Secret, target: Target) -> None:
        self._password = password
        self._target = target
        self.typed = False

    def answer(self, prompts: Prompts) -> list[str]:
        """Return what is typed: nothing where nothing is asked.

        Raises InteractionRequiredError for what only a person can answer, and AuthFailedError where the server asks for
        the password again, which it has just refused; nothing must be sent then.
        """
        if not prompts:
            return []
        (text, seen), *more = prompts
        if more or seen or not asks_for_password(text, self._target):
            raise self._only_a_person([text for text, _ in prompts])
        if self.typed:
            raise AuthFailedError(f"{self._target.host} did not accept this password for {self._target.username}.")
        self.typed = True
        return [self._password.reveal()]

    def _only_a_person(self, texts: list[str]) -> InteractionRequiredError:
        return InteractionRequiredError(self._target.host, texts)
