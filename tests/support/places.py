"""Hosts beside a viewer without a network between: their roots, cut off or silent when a test wants it."""

import threading
import time

import numpy as np
from tests.support.drawn_sweeps import write_run

from runicorn.sources.folder import FolderSource
from runicorn.storage.columns import RECORD_DTYPE
from runicorn.storage.files import LocalFiles
from runicorn.storage.layout import run_path
from runicorn.storage.records import MARK
from runicorn.storage.writer import prepare_root
from runicorn.viewer.guests import source_id


class HostFiles(LocalFiles):
    """Files of a host that a test can cut off, or have answer nothing. looked: the folders that were looked into."""

    is_metered = False

    def __init__(self, root):
        super().__init__(root)
        self.is_cut = False
        self.delay_secs = 0.0
        self.answers = threading.Event()
        self.answers.set()
        self.looked = []

    def _reach(self):
        assert self.answers.wait(30)
        time.sleep(self.delay_secs)
        if self.is_cut:
            raise ConnectionResetError("the host is gone")

    def names(self, path):
        self._reach()
        return super().names(path)

    def list(self, path):
        self._reach()
        return super().list(path)

    def stat(self, path):
        self._reach()
        return super().stat(path)

    def read(self, path, offset=0, length=None):
        self._reach()
        return super().read(path, offset, length)

    def inside(self, folder, path):
        self._reach()
        return super().inside(folder, path)

    def look(self, folders):
        self.looked += folders
        return self._each(folders, super().look)

    def stats(self, paths):
        return self._each(paths, super().stats)

    def fetch(self, ranges):
        return self._each(ranges, super().fetch)

    def _each(self, asked, ask):
        """As files of a host do: an error is in the place of every answer."""
        try:
            self._reach()
        except OSError as error:
            return [error] * len(asked)
        return ask(asked)


class Host:
    """A host with a session: its root, and its source among the others."""

    def __init__(self, remote, name, root):
        self.remote, self.name, self.root = remote, name, root
        self.connection = f"me@{name}:22"
        self.id = source_id(self.connection, str(root))
        self.connect()

    def connect(self):
        self.files = HostFiles(self.root)
        self.remote.guests.add(f"s-{self.name}", self.connection, str(self.root), self.source())
        self.say("running")

    def source(self):
        return FolderSource("local", self.files, root=str(self.root))

    def leave(self):
        self.remote.guests.remove(f"s-{self.name}")

    def say(self, status, error=None):
        sessions = [each for each in self.remote.state["viewer_sessions"] if each["sessionId"] != f"s-{self.name}"]
        session = {"sessionId": f"s-{self.name}", "status": status, "mode": "agent", "error": error}
        self.remote.state = {**self.remote.state, "viewer_sessions": [*sessions, session]}

    def address(self, run_id):
        return f"{self.id}:{run_id}"


def make_host(remote, name, root):
    prepare_root(root, now=time.time())
    return Host(remote, name, root)


class Growing:
    """A run that goes on; many of them within one process."""

    def __init__(self, root, number=0):
        self.id, self.root = f"20261120-110000-{number:06x}", root
        self.step = 0
        write_run(root, self.id, {"loss": ([], [])}, {"name": f"growing {number}"}, state="running")

    def log(self, values):
        row = np.zeros(1, RECORD_DTYPE)
        row["mark"], row["step"], row["time"], row["value"] = MARK, self.step, time.time(), values["loss"]
        self.step += 1
        with (self.root / run_path(self.id, "metrics.bin")).open("ab") as file:
            file.write(row.tobytes())
