"""What a server's requests are answered with in one login: a given password where it fits, else by a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runicorn.errors import AuthFailedError, InteractionRequiredError
from runicorn.remote.asking.question import Asked, Asker, Prompt
from runicorn.remote.ssh import prompts
from runicorn.remote.ssh.interface import Login
from runicorn.remote.ssh.prompts import PasswordAnswer
from runicorn.remote.trust.target import Secret, Target

NEW_PASSWORD = "New password:"
NEW_PASSWORD_AGAIN = "New password again:"
THEY_DIFFER = "The two were not alike. New password:"


class Replies:
    """Answers for one hop. password: what was given. asker: None where there is nobody to ask.

    hop: how the server that asks is called. still_there: whether it still waits. tell: is told what is waited for.
    sent: whether anything that was given or typed has left this machine. asked: whether a person typed it.
    """

    def __init__(
        self,
        target: Target,
        password: Secret | None,
        asker: Asker | None,
        hop: str,
        still_there: Callable[[], bool],
        tell: Callable[[str], None],
    ) -> None:
        self.sent = False
        self.asked = False
        self._target = target
        self._given = PasswordAnswer(password, target) if password else None
        self._asker = asker
        self._hop = hop
        self._still_there = still_there
        self._tell = tell
        self._password = password
        self._typed_password: Secret | None = None
        self._new_password: Secret | None = None
        self._by_person = False

    @property
    def label(self) -> str:
        return "answers (keyboard-interactive)" if self._by_person else "password (keyboard-interactive)"

    def to_prompts(self, name: str, instructions: str, asked: Sequence[tuple[str, bool]]) -> list[str]:
        """Return what is typed for a request of keyboard-interactive: nothing where nothing is asked.

        Raises InteractionRequiredError or AuthFailedError where there is nobody to ask, and what an Asker does.
        """
        if prompts.wants_a_hand(f"{name} {instructions} {' '.join(text for text, _ in asked)}"):
            self._by_person = True
        if not asked:
            return []
        try:
            return self._from_given(asked)
        except (InteractionRequiredError, AuthFailedError):
            if self._asker is None:
                raise
        answers = self._ask(name, instructions, [Prompt(text, seen) for text, seen in asked])
        for (text, seen), answer in zip(asked, answers, strict=True):
            self._note(text, seen, answer)
        return [each.reveal() for each in answers]

    def password(self) -> str:
        """Return the password to send by itself: the given one, or what a person types."""
        if self._password is None:
            prompt = Prompt(f"Password for {self._target.username}@{self._target.host}:", echo=False)
            (self._typed_password,) = self._ask("", "", [prompt])
        self.sent = True
        return (self._typed_password or self._password or Secret("")).reveal()

    def new_password(self, words: str) -> str:
        """Return the password that replaces one that has expired, typed twice alike. words: the server's."""
        if self._asker is None:
            raise InteractionRequiredError(self._target.host, [words or "New password"])
        first = NEW_PASSWORD
        while True:
            asked = [Prompt(first, echo=False), Prompt(NEW_PASSWORD_AGAIN, echo=False)]
            one, other = self._ask("", words, asked)
            if one == other:
                self._new_password = one
                return one.reveal()
            first = THEY_DIFFER

    def login(self, *, by_prompts: bool) -> Login:
        """Return what was accepted, for the life of the connection; nothing of it that is good only once."""
        given = self._password if self._given is None or self._given.typed or not by_prompts else None
        password = self._new_password or self._typed_password or given
        return Login(password=password or None, by_prompts=by_prompts, by_person=self._by_person)

    def _from_given(self, asked: Sequence[tuple[str, bool]]) -> list[str]:
        if self._given is None:
            raise InteractionRequiredError(self._target.host, [text for text, _ in asked])
        answers = self._given.answer(asked)
        self.sent = True
        return answers

    def _ask(self, name: str, instructions: str, asked: list[Prompt]) -> list[Secret]:
        assert self._asker is not None
        self._tell(f"waiting for you: {self._hop} asks")
        answers = self._asker.ask(Asked(self._hop, name, instructions, tuple(asked)), self._still_there)
        self._tell("")
        self.sent = self.asked = True
        return answers

    def _note(self, text: str, seen: bool, answer: Secret) -> None:
        """Keep a password, the newest one; take down that there was something else, which is gone."""
        if not seen and prompts.asks_for_new_password(text):
            self._new_password = answer
        elif not seen and prompts.asks_for_old_password(text):
            pass
        elif (
            not seen
            and answer
            and self._password is None
            and self._typed_password is None
            and prompts.asks_for_password(text, self._target)
        ):
            self._typed_password = answer
        else:
            self._by_person = True
