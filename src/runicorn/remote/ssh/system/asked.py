"""What `ssh` asks through SSH_ASKPASS, told apart by its own words, which name the hop by our name for it. Pure."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

_PASSPHRASE = re.compile(r"Enter passphrase for (?:key )?'?(?P<path>.*?)'?:? *", re.DOTALL)


class Wanted(enum.Enum):
    """PROMPT: the server asks, by keyboard-interactive. OWN: `ssh` itself does, such as for the PIN of a token."""

    PASSWORD = "password"
    OLD_PASSWORD = "old password"
    NEW_PASSWORD = "new password"
    NEW_PASSWORD_AGAIN = "new password again"
    PROMPT = "prompt"
    PASSPHRASE = "passphrase"
    OWN = "own"


@dataclass(frozen=True)
class Ask:
    """text: a server's prompt, the path of a key, or the words of `ssh`."""

    wanted: Wanted
    text: str


def read_ask(text: str, username: str, name: str) -> Ask:
    """Return what is asked for. name: how our config calls the hop that is logged in to.

    A server cannot pass for `ssh` here: what it says comes behind "(user@name) ", since OpenSSH 8.5.
    """
    account = f"{username}@{name}"
    if text.startswith(f"({account}) "):
        return Ask(Wanted.PROMPT, text[len(account) + 3 :])
    for said, wanted in (
        (f"{account}'s password:", Wanted.PASSWORD),
        (f"Enter {account}'s old password:", Wanted.OLD_PASSWORD),
        (f"Enter {account}'s new password:", Wanted.NEW_PASSWORD),
        (f"Retype {account}'s new password:", Wanted.NEW_PASSWORD_AGAIN),
    ):
        if text.strip() == said:
            return Ask(wanted, text)
    passphrase = _PASSPHRASE.fullmatch(text)
    return Ask(Wanted.PASSPHRASE, passphrase["path"]) if passphrase else Ask(Wanted.OWN, text.strip())
