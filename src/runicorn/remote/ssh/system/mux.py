"""Asks a live `ssh` for sessions and forwards, by its control socket; never opens a connection of its own."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runicorn.errors import ConnectionClosedError, SessionLimitError
from runicorn.remote.ssh.system.process import SystemProcess

OPEN_TIMEOUT_SECS = 15.0
CONTROL_TIMEOUT_SECS = 10.0
POLL_SECS = 0.003
ANY_HOST = "master"  # the socket says which
_PASSED_ON = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "SSH_AUTH_SOCK", "SSH_SK_PROVIDER"),
    *("KRB5CCNAME", "KRB5_CONFIG", "KRB5_TRACE", "SOFTHSM2_CONF", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY"),
)
_OPENED = "master session id"
_REFUSED = "Session open refused"


@dataclass(frozen=True)
class Mux:
    """control: the socket, as it is called in the folder, where all of this runs. host: for errors."""

    ssh: str
    folder: Path
    control: str
    environment: Mapping[str, str]
    host: str
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def session(self, *arguments: str, limit_secs: float = OPEN_TIMEOUT_SECS) -> SystemProcess:
        """Return a session that is open on the server. arguments: the command, or `-s` and a subsystem behind options.

        Raises SessionLimitError, and ConnectionClosedError where the master is gone.
        """
        log = self.folder / f"l{next(self.numbers)}"
        try:
            # What ssh itself says goes there, and not among what the command does.
            child = self._spawn(["-E", f"./{log.name}", "-o", "LogLevel=DEBUG1", "-T", *arguments])
        except OSError as error:
            raise ConnectionClosedError(f"The connection to {self.host} is gone: {error.strerror}.") from error
        process = SystemProcess(child)
        try:
            self._until_open(child, log, limit_secs)
        except BaseException:
            process.close()
            raise
        finally:
            log.unlink(missing_ok=True)
        return process

    def control_command(self, order: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Tell the master something, such as `forward`. Raises ConnectionClosedError if there is none."""
        command = [*self._command(), *options, "-O", order, "--", ANY_HOST]
        try:
            return subprocess.run(
                command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=CONTROL_TIMEOUT_SECS,
                check=False,
                encoding="utf-8",
                errors="replace",
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConnectionClosedError(f"The ssh that is connected to {self.host} does not answer.") from error

    def _until_open(self, child: subprocess.Popen[bytes], log: Path, limit_secs: float) -> None:
        deadline = time.monotonic() + limit_secs
        while time.monotonic() < deadline:
            ended = child.poll() is not None
            said = _read(log)
            if _REFUSED in said:
                raise SessionLimitError(f"{self.host} allows no further session on this connection (MaxSessions).")
            if _OPENED in said:
                return
            if ended:
                raise ConnectionClosedError(f"The connection to {self.host} is gone.")
            time.sleep(POLL_SECS)
        raise ConnectionClosedError(f"{self.host} opened no session within {limit_secs:.0f} s.")

    def _command(self) -> list[str]:
        # With a master that is gone this fails, in place of logging in once more.
        return [
            *(self.ssh, "-F", "none", "-S", self.control),
            *("-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-o", "BatchMode=yes", "-o", "EscapeChar=none"),
        ]

    def _spawn(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._command(), *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C in the viewer's terminal is for the viewer
        )


def environment_for(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what `ssh` may know of ours. It takes its words from it in every language."""
    return {**{name: environ[name] for name in _PASSED_ON if name in environ}, "LC_ALL": "C.UTF-8"}


def _read(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
