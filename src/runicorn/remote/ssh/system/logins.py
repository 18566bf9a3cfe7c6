"""What `ssh` is answered while it logs in, hop by hop: the verdict on each host key, and each question after it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence

from runicorn.errors import AuthFailedError, ConnectionClosedError, InvalidHostKeyError, RunicornError
from runicorn.remote.asking.question import Asked, Asker, Prompt
from runicorn.remote.names.way import Hop
from runicorn.remote.ssh.interface import Login
from runicorn.remote.ssh.own_config import hop_name
from runicorn.remote.ssh.replies import Replies
from runicorn.remote.ssh.system.asked import Wanted, read_ask
from runicorn.remote.ssh.system.desk import JUDGE, Call, Reply
from runicorn.remote.ssh.system.failures import CHECK_TYPING
from runicorn.remote.ssh.verdict import require_ok
from runicorn.remote.trust import known_hosts
from runicorn.remote.trust.certificates import is_certificate, key_in, read_certificate
from runicorn.remote.trust.known_hosts import Entry, HostKey
from runicorn.remote.trust.target import Credentials

_HOSTNAME = "HOSTNAME"
MAX_PROMPTS = 64


class Logins:
    """The logins of one attempt. `ssh` goes from hop to hop, so the last one whose key was accepted is who asks.

    credentials: what was given for the last hop. said: returns what `ssh` printed since it was last asked, which is
    where a server's own words come. alive: whether `ssh` still runs.
    error: what ended the attempt, None so far. keys: the accepted host key of each hop so far.
    """

    def __init__(
        self,
        hops: Sequence[Hop],
        entries: Sequence[Entry],
        credentials: Credentials,
        asker: Asker | None,
        said: Callable[[], str],
        alive: Callable[[], bool],
    ) -> None:
        self.error: RunicornError | None = None
        self.keys: list[HostKey] = []
        self.judged = 0
        self.asking = 0
        self.turn = threading.Condition()
        self.tell: Callable[[str], None] = lambda words: None
        self._hops = hops
        self._entries = entries
        self._credentials = credentials
        self._asker = asker
        self._said = said
        self._alive = alive
        self._talks: list[_Talk] = []

    def serve(self, call: Call, waits: Callable[[], bool]) -> Reply:
        """Answer what `ssh` asks through its two programs."""
        try:
            if call.kind == JUDGE:
                return self._judge(*call.words)
            with self.turn:
                self.asking += 1
            try:
                return self._ask(call.words[0] if call.words else "", call.mode, waits)
            finally:
                with self.turn:
                    self.asking -= 1
                    self.turn.notify_all()
        except RunicornError as error:
            with self.turn:
                self.error = self.error or error
                self.turn.notify_all()
            return Reply(end=True)

    def login(self) -> Login:
        """Return what was accepted at the last hop, and whether any on the way took a person."""
        *before, last = (talk.login() for talk in self._talks)
        by_person = last.by_person or any(each.by_person or each.password for each in before)
        return Login(password=last.password, by_prompts=last.by_prompts, by_person=by_person)

    @property
    def wanted(self) -> list[str]:
        """What `ssh` asked for at the last hop so far and nobody could be asked."""
        return self._talks[-1].wanted if self._talks else []

    @property
    def typed(self) -> bool:
        return bool(self._talks) and self._talks[-1].typed

    @property
    def sent(self) -> bool:
        """Whether a password or an answer has gone to the last hop so far."""
        return bool(self._talks) and self._talks[-1].sent

    def _tell(self, words: str) -> None:
        self.tell(words)

    def _judge(self, number: str, reason: str, key_type: str, key: str) -> Reply:
        at = int(number)
        hop, name = self._hops[at], hop_name(at)
        if reason != _HOSTNAME:  # the order of key types, which our config gives, or an address, which we look up never
            return Reply()
        with self.turn:
            self.judged = at + 1
            self.turn.notify_all()
        shown = known_hosts.parse_public_key(f"{key_type} {key}")
        offered, certificate = shown, None
        if is_certificate(shown.key_type):  # ssh takes the key in it by itself, since we tell it of no authority
            offered = key_in(shown.blob)
            with contextlib.suppress(InvalidHostKeyError):
                certificate = read_certificate(shown.blob)
        require_ok(hop.known_as, self._entries, offered, hop.known_hosts_files, certificate)
        with self.turn:
            if len(self.keys) != at:
                raise InvalidHostKeyError(f"The host key of {hop.target.host} was shown out of turn.")
            given = self._credentials if hop is self._hops[-1] else Credentials()
            self._talks.append(_Talk(hop, name, given, self._asker, self._said, self._tell))
            self.keys.append(offered)
            self.turn.notify_all()
        return Reply(f"{name} {offered.public_key}")

    def _ask(self, text: str, mode: str, waits: Callable[[], bool]) -> Reply:
        if not self._talks or mode == "confirm":
            return Reply()
        return self._talks[-1].ask(text, mode, lambda: waits() and self._alive())


class _Talk:
    """What one hop's login asks. wanted: what nobody could be asked."""

    def __init__(
        self,
        hop: Hop,
        name: str,
        given: Credentials,
        asker: Asker | None,
        said: Callable[[], str],
        tell: Callable[[str], None],
    ) -> None:
        self.wanted: list[str] = []
        self._hop = hop
        self._name = name
        self._given = given
        self._asker = asker
        self._said = said
        self._tell = tell
        self._waits: Callable[[], bool] = lambda: True
        password = given.password or given.typed
        self._replies = Replies(hop.target, password, asker, hop.target.host, self._still_waits, tell)
        self._by_prompts = False
        self._requests = 0
        self._by_person = False
        self._passphrase = given.passphrase
        self._password = ""
        self._new_password = ""

    @property
    def sent(self) -> bool:
        return self._replies.sent

    @property
    def typed(self) -> bool:
        return self._replies.asked

    def ask(self, text: str, mode: str, waits: Callable[[], bool]) -> Reply:
        """Answer one of its questions. Raises what ends the login: what Replies and an Asker do."""
        self._waits = waits
        if mode == "none":
            self._by_person = True
            self._tell("waiting for you: touch your security key")
            return Reply(hold=True)
        asked = read_ask(text, self._hop.target.username, self._name)
        if asked.wanted is Wanted.PROMPT:
            self._by_prompts = True
            self._requests += 1
            if self._requests > MAX_PROMPTS:
                raise ConnectionClosedError(
                    f"The login to {self._hop.target.host} was given up: it asked {MAX_PROMPTS} times.",
                    hint="Ask its administrator what is wrong there.",
                )
            (answer,) = self._replies.to_prompts("", self._said(), [(asked.text, False)])
            return Reply(answer)
        if asked.wanted is Wanted.PASSPHRASE:
            if self._passphrase:
                passphrase, self._passphrase = self._passphrase, None
                return Reply(passphrase.reveal())
            return self._of_a_person(f"Passphrase of the key {asked.text}:")
        if asked.wanted is Wanted.OWN:
            return self._of_a_person(asked.text)
        return Reply(self._password_for(asked.wanted))

    def login(self) -> Login:
        login = self._replies.login(by_prompts=self._by_prompts)
        by_person = login.by_person or self._by_person
        return Login(password=login.password, by_prompts=self._by_prompts, by_person=by_person)

    def _still_waits(self) -> bool:
        return self._waits()

    def _password_for(self, wanted: Wanted) -> str:
        target = self._hop.target
        if wanted is Wanted.PASSWORD:
            if self._replies.sent:  # one wrong password is one failed login, whatever else the server would take
                raise AuthFailedError(
                    f"{target.host} did not accept this login for {target.username}.",
                    hint=CHECK_TYPING if self._replies.asked else None,
                )
            self._password = self._replies.password()
            return self._password
        if wanted is Wanted.OLD_PASSWORD:
            return self._password
        if wanted is Wanted.NEW_PASSWORD:
            self._new_password = self._replies.new_password(self._said())
        return self._new_password

    def _of_a_person(self, text: str) -> Reply:
        """Ask what only a person has; without one, `ssh` goes on without the key that it is for."""
        if self._asker is None:
            self.wanted.append(text)
            return Reply()
        self._tell(f"waiting for you: {text}")
        asked = Asked(self._hop.target.host, "", self._said(), (Prompt(text, echo=False),))
        (answer,) = self._asker.ask(asked, self._waits)
        self._tell("")
        self._by_person = True
        return Reply(answer.reveal())
