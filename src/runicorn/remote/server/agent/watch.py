"""What the agent tells unasked: a part of its program, for Python 3.6 and newer; see program.py."""
# No `from __future__ import annotations`, which Python 3.6 does not know, and no annotations but in words.

import os
import struct
import time

from runicorn.remote.server.agent.condensing import RECORD_BYTES, shuffled
from runicorn.remote.server.agent.folders import as_json, look, look_at, open_regular

# So often what is watched is looked at, unless looking takes longer than a twentieth of that; and so often a word of it
# is said in any case. One that nobody asks on for longer than it lives is ended.
WATCH_SECS = 0.2
WATCH_SHARE = 20
WATCH_WORD_SECS = 2.0
WATCH_LIFE_SECS = 10.0
# What is appended to a file is told with the change, if it is not more; with some bytes before it, and its first ones.
APPENDED_BYTES = 65536
BEFORE_BYTES = 128
APPENDED_AT_ONCE_BYTES = 1024 * 1024
WATCHED = struct.Struct(">I")


class Watch:
    """Folders and paths of which each change is told: "watch" with folders and paths, which do_watch_on() keeps alive.

    A part is a length, JSON of that length, and bytes. "folders" and "paths": [place in the request, what look() or
    look_at() gives] of those that changed, all of them at first. "appended": [path, start, length, shuffled] of what is
    new in files that have grown, and of their first bytes; these are the bytes, shuffled() where they are many records.
    """

    def __init__(self, request, path):
        self.path = path
        self.asked = [(1, each) for each in request["folders"]] + [(0, each) for each in request["paths"]]
        self.folders = len(request["folders"])
        self.known = [()] * len(self.asked)
        self.due = self.said = 0.0
        self.live_on()

    def live_on(self):
        self.ends = time.monotonic() + WATCH_LIFE_SECS

    def turn(self, now):
        """Return what is to be told now, or None."""
        told, pieces = {"folders": [], "paths": [], "appended": []}, []
        for place, (is_folder, text) in enumerate(self.asked):
            found = sorted_entries(look(self.path(text))) if is_folder else look_at(self.path(text))
            if found == self.known[place]:
                continue
            if is_folder:
                self.append(told["appended"], pieces, text, self.known[place], found)
            self.known[place] = found
            told["folders" if is_folder else "paths"].append([place if is_folder else place - self.folders, found])
        if not told["folders"] and not told["paths"] and now - self.said < WATCH_WORD_SECS:
            return None
        self.said = now
        words = as_json(told)
        return WATCHED.pack(len(words)) + words + b"".join(pieces)

    def append(self, told, pieces, folder, before, now):
        """Add what is new in files that have grown."""
        if not before or isinstance(before, dict) or isinstance(now, dict):
            return
        sizes = {(name, inode): size for name, is_folder, size, _, inode, _ in before if not is_folder}
        for name, _, size, _, inode, _ in now:
            old = sizes.get((name, inode))
            left = APPENDED_AT_ONCE_BYTES - sum(map(len, pieces))
            if old is None or not 0 < size - old <= min(APPENDED_BYTES, left):
                continue
            path = folder + "/" + name if folder else name
            try:
                fd = open_regular(self.path(path))
                try:
                    start = max(0, old - BEFORE_BYTES)
                    for begin, length in ((start, size - start), (0, min(start, BEFORE_BYTES))):
                        data = os.pread(fd, length, begin) if length else b""
                        if data:
                            rows = path.endswith(".bin") and len(data) >= 128 * RECORD_BYTES
                            told.append([path, begin, len(data), int(rows)])
                            pieces.append(shuffled(data, RECORD_BYTES) if rows else data)
                finally:
                    os.close(fd)
            except OSError:  # whoever asks for it is told why
                pass


def sorted_entries(found):
    return found if isinstance(found, dict) else sorted(found)
