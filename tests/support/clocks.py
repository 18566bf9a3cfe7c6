"""The clock of a server that can be set, while those of all others, and of this machine, go on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.accounts import Account

_SHARED = Path("/dev/shm")


@dataclass(frozen=True)
class Clock:
    """file: says how far it is ahead."""

    file: Path

    @property
    def environ(self) -> str:
        """What gives it to the programs of a session, as sshd's SetEnv takes it."""
        return (
            f"LD_PRELOAD={_library()} FAKETIME_TIMESTAMP_FILE={self.file} FAKETIME_NO_CACHE=1"
            " FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1"
        )

    def set_ahead(self, secs: float) -> None:
        """Have it jump."""
        draft = self.file.with_name(f"{self.file.name}.draft")
        draft.write_text(f"{secs:+.0f}")
        draft.chmod(0o644)
        draft.replace(self.file)


@contextlib.contextmanager
def own_clock(account: Account) -> Iterator[Clock]:
    """Yield a clock for the programs of this user, which is right at first. They are to have ended on leaving."""
    clock = Clock(account.home / "clock")
    clock.set_ahead(0)
    try:
        yield clock
    finally:
        clock.file.unlink(missing_ok=True)
        # What programs share that have it, and leave where they were killed.
        for path in (*_SHARED.glob("faketime_shm_*"), *_SHARED.glob("sem.faketime_sem_*")):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_uid == account.uid:
                    path.unlink()


def _library() -> Path:
    found = [path for folder in ("/lib", "/usr/lib") for path in Path(folder).glob("*/faketime/libfaketime.so.1")]
    assert found, "libfaketime is missing: apt-get install libfaketime"
    return found[0]
