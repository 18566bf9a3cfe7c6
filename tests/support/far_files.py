"""Files behind a link: what is asked of them, counted in round trips, and answered with every fault that disks have."""

import errno
import os

from runicorn.storage.files import Files


class CountedFiles(Files):
    """Passes everything on; each call is one round trip, however much it asks for."""

    def __init__(self, files):
        self.files = files
        self.condenses = files.condenses
        self.calls = []

    def _count(self, name, asked):
        self.calls.append((name, asked))

    def names(self, path):
        self._count("names", 1)
        return self.files.names(path)

    def look(self, folders):
        self._count("look", len(folders))
        return self.files.look(folders)

    def stats(self, paths):
        self._count("stats", len(paths))
        return self.files.stats(paths)

    def fetch(self, ranges):
        self._count("fetch", len(ranges))
        return self.files.fetch(ranges)

    def condense(self, wishes, ranges):
        self._count("condense", len(wishes))
        return self.files.condense(wishes, ranges)

    def inside(self, folder, path):
        self._count("inside", 1)
        return self.files.inside(folder, path)

    def taken(self):
        """Return the calls since this was asked last."""
        calls, self.calls = self.calls, []
        return calls


class FaultyFiles(Files):
    """Answers as the draws of a test say: right, with an error, short, with zeros, or as if a thing were not there.

    draw: returns the next fault, one of FAULTS; None for no fault, and for all that follows once it is healthy.
    """

    FAULTS = ("error", "denied", "short", "zeros", "half zeros", "missing", "small")

    def __init__(self, files, draw):
        self.files = files
        self.draw = draw
        self.healthy = False
        self.faults = 0

    def _fault(self):
        fault = None if self.healthy else self.draw()
        self.faults += fault is not None
        return fault

    def names(self, path):
        fault = self._fault()
        if fault in ("error", "denied"):
            raise _error(fault, path)
        return [] if fault == "missing" else self.files.names(path)

    def look(self, folders):
        return [
            self._entries(folder, entries) for folder, entries in zip(folders, self.files.look(folders), strict=True)
        ]

    def _entries(self, folder, entries):
        fault = self._fault()
        if fault in ("error", "denied"):
            return _error(fault, folder)
        if fault == "missing" and folder != "runs":
            return entries[: len(entries) // 2]
        if fault == "small":
            return [entry._replace(size_bytes=entry.size_bytes // 2) for entry in entries]
        return entries

    def stats(self, paths):
        return [self._stat(path, status) for path, status in zip(paths, self.files.stats(paths), strict=True)]

    def _stat(self, path, status):
        fault = self._fault()
        return _error(fault, path) if fault in ("error", "denied") else status

    def fetch(self, ranges):
        return [self._read(asked, data) for asked, data in zip(ranges, self.files.fetch(ranges), strict=True)]

    def _read(self, asked, data):
        fault = self._fault()
        if fault in ("error", "denied"):
            return _error(fault, asked.path)
        if fault == "missing":
            return FileNotFoundError(errno.ENOENT, "gone", asked.path)
        if isinstance(data, OSError):
            return data
        if fault == "short":
            return data[: len(data) // 3]
        if fault == "zeros":
            return bytes(len(data))
        if fault == "half zeros":
            # Whole pages are missing, and a page holds whole records.
            kept = max(0, (asked.start + len(data) // 2) // 32 * 32 - asked.start)
            return data[:kept] + bytes(len(data) - kept)
        return data

    def inside(self, folder, path):
        return self.files.inside(folder, path)


def _error(fault, path):
    number = errno.ESTALE if fault == "error" and hasattr(errno, "ESTALE") else errno.EACCES
    return OSError(number, os.strerror(number), path)
