"""Asks the person's own `ssh -G` what a name means. Blocking, with a limit; it may run what `Match exec` says."""

from __future__ import annotations

import getpass
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from runicorn.errors import SshConfigError
from runicorn.remote.names.settings import Machine, Settings, parse_answer

TIMEOUT_SECS = 15.0
MAX_ANSWER_BYTES = 2**20
COMPLAINT_STATUS = 255  # of ssh's own errors, such as a config that it does not take


class NoAnswerError(Exception):
    """This program is none that answers `ssh -G`, such as a very old one. Its text is the reason."""


def this_machine(home: Path) -> Machine:
    """Return what tokens mean here. home: of the person."""
    uid: int = getattr(os, "getuid", lambda: 0)()
    return Machine(home, getpass.getuser(), uid, socket.gethostname(), os.environ)


def config_of(home: Path) -> str | None:
    """Return which config `ssh` is to read; None for what it reads by itself.

    It takes the home of the account for the person's, whatever HOME says; where that is another one, it has to be told.
    """
    if sys.platform == "win32":
        return None
    import pwd

    try:
        if Path(pwd.getpwuid(os.getuid()).pw_dir) == home:
            return None
    except KeyError:
        pass
    config = home / ".ssh" / "config"
    return str(config) if config.is_file() else "none"


class SshAsker:
    """See way.Ask. ssh: the program. config: see config_of()."""

    def __init__(self, ssh: str, machine: Machine, config: str | None) -> None:
        self._ssh = ssh
        self._machine = machine
        self._config = config

    def __call__(self, name: str, username: str | None, port: int | None) -> Settings:
        """Raises SshConfigError, with the words of `ssh` where it complains, and NoAnswerError."""
        command = [self._ssh, "-G"]
        command += ["-F", self._config] if self._config is not None else []
        command += ["-p", str(port)] if port is not None else []
        command += ["-l", username] if username is not None else []
        return parse_answer(self._answer([*command, "--", name], name), name, self._machine)

    def _answer(self, command: list[str], name: str) -> str:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self._machine.home if self._machine.home.is_dir() else None,
                start_new_session=True,  # what `Match exec` runs must not ask in the viewer's terminal
            )
        except OSError as error:
            raise NoAnswerError(f"it could not be started: {error.strerror}") from error
        try:
            answer, complaint = process.communicate(timeout=TIMEOUT_SECS)
        except subprocess.TimeoutExpired:
            _end(process)
            raise SshConfigError(
                f"`ssh -G` did not say within {TIMEOUT_SECS:.0f} s what {name} means.",
                hint="Look for a `Match exec` or CanonicalizeHostname in your ssh config that hangs.",
            ) from None
        except BaseException:  # Ctrl-C
            _end(process)
            raise
        if process.returncode not in (0, COMPLAINT_STATUS):
            raise NoAnswerError(f"it ended with {process.returncode}")
        if process.returncode:
            said = complaint.decode("utf-8", "replace").strip().splitlines()
            reason = " ".join(said[-2:]) if said else "it says nothing"
            raise SshConfigError(f"`ssh -G` does not accept {name}: {reason}.")
        return answer[:MAX_ANSWER_BYTES].decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and what it runs, which would hold its output open."""
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
