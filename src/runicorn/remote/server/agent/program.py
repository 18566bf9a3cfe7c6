"""The agent: what is sent to a host to read a folder there. Standard library only, Python 3.6 or newer; condensing.py,
which is sent along, makes less of long series.

It is sent as text over the login's own channel, and runs in memory: it opens no port, starts no process and no thread,
and writes no file, but for the notes of a run when a person changes them. On this side, only what frames look like is
taken from it. It speaks them over its standard input and output, and ends with them, or when nobody has said a word for
as long as its lease: the system's own alarm ends it then, also in the middle of a read that does not return.

A request is a JSON object with "do", one of the methods of Agent whose name begins with do_. "urgency" says whose parts
come first, the lowest number; those of a bulk read make room for it between one piece and the next. An answer is any
number of PARTs and one DONE. What cannot be read is {"error": ["ESTALE", text]} in its place.
"""
# No `from __future__ import annotations`, which Python 3.6 does not know, and no annotations but in words.

import json
import os
import select
import signal
import struct
import sys
import time
import zlib

from runicorn.remote.server.agent.condensing import MARK, RECORD_BYTES, ROW, Condenser, marked, shuffled, size_for
from runicorn.remote.server.agent.folders import (
    NOT_THERE,
    as_json,
    as_path,
    as_text,
    look,
    look_at,
    of_error,
    open_regular,
    real,
    scan,
    small_files,
)
from runicorn.remote.server.agent.watch import WATCH_SECS, WATCH_SHARE, Watch

# How many bytes follow, the number of the request, what it is, and how it is packed.
HEAD = struct.Struct(">IIBB")
PART, DONE = 1, 2
PACKED, SHUFFLED = 1, 2
# In front of each piece of a file: the place of its range in the request, and its length.
PIECE = struct.Struct(">II")

MAX_REQUEST_BYTES = 16 * 2**20
# So much is read at a time, and so much may wait for the link before more is read.
SLICE_BYTES = 256 * 1024
CONDENSED_AT_ONCE_BYTES = 1024 * 1024
# By so many records, it is told how many metrics take turns in a file: as many as storage.pyramid looks at first.
LOOKED_AT_BYTES = 131072 * RECORD_BYTES
# And by so many at least.
TELLING_BYTES = 4096 * RECORD_BYTES
WAITING_BYTES = 1024 * 1024
ENTRIES_AT_ONCE = 2000
WORTH_PACKING_BYTES = 512
# The urgency of what makes room for short answers.
LATER = 1


class Agent:
    """root: an absolute path; what is asked for lies below it. lease_secs: of silence, after which this ends."""

    def __init__(self, stdin, stdout):
        self.stdin, self.stdout = stdin, stdout
        self.root = b"/"
        self.lease_secs = 30
        self.received = bytearray()
        self.waiting = []  # of what is to be sent, in order
        self.waiting_bytes = 0
        self.jobs = {}  # by the number of the request: its urgency, and what yields its parts
        self.watches = {}  # by the number of the request

    def serve(self):
        """Answer until the other side is gone."""
        self.renew()
        while True:
            busy = bool(self.jobs) and self.waiting_bytes < WAITING_BYTES
            writers = [self.stdout] if self.waiting else []
            readable, writable, _ = select.select([self.stdin], writers, [], 0 if busy else self.rest_secs())
            if writable:
                self.send()
            if readable and not self.receive():
                return
            self.watch()
            if busy:
                self.work()

    def rest_secs(self):
        """Return how long there is nothing to do, unless something comes; None for ever."""
        if not self.watches:
            return None
        return max(0.0, min(each.due for each in self.watches.values()) - time.monotonic())

    def watch(self):
        """Tell what changed of what is watched, where it is time."""
        for number, watch in list(self.watches.items()):
            now = time.monotonic()
            if now > watch.ends:
                del self.watches[number]
                self.put(number, DONE, as_json(None), 0, False)
            elif now >= watch.due:
                part = watch.turn(now) if self.waiting_bytes < WAITING_BYTES else None
                watch.due = max(time.monotonic() + WATCH_SECS, now + WATCH_SHARE * (time.monotonic() - now))
                if part is not None:
                    self.put(number, PART, part, 0, True)

    def renew(self):
        signal.alarm(self.lease_secs)

    def receive(self):
        """Take in what has come; tell whether more may come."""
        try:
            data = os.read(self.stdin, 65536)
        except BlockingIOError:
            return True
        if not data:
            return False
        self.renew()
        self.received += data
        while len(self.received) >= HEAD.size:
            size, number, _, packed = HEAD.unpack_from(self.received)
            if size > MAX_REQUEST_BYTES:
                sys.exit(99)
            if len(self.received) < HEAD.size + size:
                break
            body = bytes(self.received[HEAD.size : HEAD.size + size])
            del self.received[: HEAD.size + size]
            self.begin(number, json.loads((zlib.decompress(body) if packed & PACKED else body).decode("ascii")))
        return True

    def begin(self, number, request):
        if request["do"] == "watch":
            self.watches[number] = Watch(request, self.path)
            return
        request.setdefault("number", number)
        answer = getattr(self, "do_" + request["do"])(request)
        if hasattr(answer, "send"):  # a generator, of which nothing has run yet
            self.jobs[number] = (request.get("urgency", 0), answer)
        else:
            self.put(number, DONE, as_json(answer), 0, True)

    def work(self):
        """Make the next part of what is most urgent."""
        number = min(self.jobs, key=lambda each: (self.jobs[each][0], each))
        try:
            self.put(number, PART, *next(self.jobs[number][1]))
        except StopIteration as end:
            self.jobs.pop(number, None)
            self.put(number, DONE, as_json(end.value), 0, True)
        except Exception as error:  # a fault of ours costs one answer
            self.jobs.pop(number, None)
            text = "%s: %s" % (type(error).__name__, error)
            self.put(number, DONE, as_json({"error": ["EIO", text]}), 0, False)

    def put(self, number, kind, body, packed, worth_packing):
        if worth_packing and len(body) >= WORTH_PACKING_BYTES:
            smaller = zlib.compress(body, 1)
            if len(smaller) < 0.9 * len(body):
                body, packed = smaller, packed | PACKED
        frame = HEAD.pack(len(body), number, kind, packed) + body
        self.waiting.append(memoryview(frame))
        self.waiting_bytes += len(frame)

    def send(self):
        """Send as much as goes without waiting."""
        while self.waiting:
            try:
                sent = os.write(self.stdout, self.waiting[0])
            except BlockingIOError:
                return
            self.waiting_bytes -= sent
            if sent < len(self.waiting[0]):
                self.waiting[0] = self.waiting[0][sent:]
            else:
                del self.waiting[0]

    # --- what can be asked for: an answer, or a generator of parts that returns one ----------------------------------
    # A part is its bytes, how they are packed already, and whether packing them is worth trying.

    def do_hello(self, request):
        """Open the root, as a person types it. The answer says who this is, and by "error" why it cannot be read."""
        self.lease_secs = request["lease_secs"]
        self.renew()
        first, slash, rest = as_path(request["root"]).partition(b"/")
        root = os.path.expanduser(os.path.expandvars(first) + slash + rest)
        self.root = os.path.abspath(os.path.join(os.path.expanduser(b"~"), root))
        told = {"pid": os.getpid(), "python": "%d.%d.%d" % sys.version_info[:3], "time": time.time()}
        told["root"] = as_text(self.root)
        try:
            os.listdir(self.root)
        except OSError as error:
            told.update(of_error(error))
        return told

    def do_here(self, request):
        """Say that this is still wanted, as any request does, and be told the time."""
        return {"time": time.time()}

    def do_forget(self, request):
        """Make no more parts for the request of this number: nobody waits for them."""
        self.jobs.pop(request["number"], None)
        self.watches.pop(request["number"], None)

    def do_watch_on(self, request):
        """Let a watch live on."""
        if request["number"] in self.watches:
            self.watches[request["number"]].live_on()

    def do_names(self, request):
        """Return the names in one folder."""
        try:
            return [as_text(name) for name in os.listdir(self.path(request["path"]))]
        except OSError as error:
            return [] if error.errno in NOT_THERE else of_error(error)

    def do_look(self, request):
        """Yield what folders hold, in order: a list of entries for each."""
        part, size = [], 0
        for folder in request["folders"]:
            part.append(look(self.path(folder)))
            size += 1 + len(part[-1])
            if size >= ENTRIES_AT_ONCE:
                yield as_json(part), 0, True
                part, size = [], 0
        yield as_json(part), 0, True

    def do_open(self, request):
        """Yield what a folder holds and the texts of its small files, as [entries, {name: text}]; then buckets of its
        record files as they were then, as do_condense() does. "paths" in the answer are theirs.

        rule: None for no buckets; else [least bytes, most bytes, steps, of_many, many], and steps are pairs of the
        bytes below which a file's buckets are of so many points, in order, and of these.
        """
        folder, rule = request["folder"], request["rule"]
        entries = look(self.path(folder))
        found = [] if isinstance(entries, dict) else entries
        yield as_json([entries, small_files(self.path(folder), found)]), 0, True
        number = request["number"]
        self.jobs[number] = (LATER, self.jobs[number][1])
        files = []
        for name, is_dir, size, *_ in found if rule else ():
            if name.endswith(".bin") and not is_dir and rule[0] <= size <= rule[1]:
                points = next(points for below, points in rule[2] if size < below)
                files.append(["%s/%s" % (folder, name), size, points, *rule[3:]])
        answer = yield from self.do_condense({"files": files, "ranges": []})
        answer["paths"] = [each[0] for each in files]
        return answer

    def do_stats(self, request):
        """Yield what is at paths, in order: an entry, or null."""
        paths = request["paths"]
        for start in range(0, len(paths), ENTRIES_AT_ONCE):
            yield as_json([look_at(self.path(path)) for path in paths[start : start + ENTRIES_AT_ONCE]]), 0, True

    def do_scan(self, request):
        """Yield what folders hold, in order: of their files, only those whose names hold one of the marks."""
        marks = [as_path(mark) for mark in request["marks"]]
        for folder in request["folders"]:
            yield as_json([scan(self.path(folder), marks)]), 0, True

    def do_real(self, request):
        """Return a path without links."""
        try:
            return as_text(real(self.path(request["path"])))
        except OSError as error:
            return of_error(error)

    def do_replace(self, request):
        """Write a small file anew, all of it or nothing."""
        path = self.path(request["path"])
        draft = os.path.join(
            os.path.dirname(path), b".%s.%08x.tmp" % (os.path.basename(path), zlib.crc32(os.urandom(8)))
        )
        try:
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            try:
                left = memoryview(as_path(request["text"]))
                while left:
                    left = left[os.write(fd, left) :]
                os.fsync(fd)
            finally:
                os.close(fd)
            os.replace(draft, path)
        except OSError as error:
            try:
                os.unlink(draft)
            except OSError:
                pass
            return of_error(error)

    def do_inside(self, request):
        """Tell whether there is a file below a folder which lies there also if links are followed."""
        try:
            home = real(self.path(request["folder"]))
            path = real(os.path.join(self.path(request["folder"]), as_path(request["path"])))
            return path.startswith(home.rstrip(b"/") + b"/") and os.path.isfile(path)
        except OSError as error:
            return False if error.errno in NOT_THERE else of_error(error)
        except ValueError:  # a forbidden name
            return False

    def do_fetch(self, request):
        """Yield pieces of files. ranges: [path, start, length] each, with null for the rest of it.

        pack: whether to spend time on having less to send; pieces of record files are packed field by field, which
        makes a fifth of them instead of half.
        """
        errors, packing = {}, request.get("pack", True)
        body = bytearray()
        for number, (path, start, length) in enumerate(request["ranges"]):
            try:
                fd = open_regular(self.path(path))
            except OSError as error:
                errors[number] = of_error(error)["error"]
                continue
            records = packing and path.endswith(".bin")
            try:
                while length is None or length > 0:
                    wanted = SLICE_BYTES if length is None else min(SLICE_BYTES, length)
                    data = os.pread(fd, wanted, start)
                    if not data:
                        break
                    start += len(data)
                    length = None if length is None else length - len(data)
                    if records and len(data) >= 128 * RECORD_BYTES:
                        yield PIECE.pack(number, len(data)) + shuffled(data, RECORD_BYTES), SHUFFLED, True
                        continue
                    body += PIECE.pack(number, len(data)) + data
                    if len(body) >= SLICE_BYTES:
                        yield bytes(body), 0, packing
                        body = bytearray()
            except OSError as error:
                errors[number] = of_error(error)["error"]
            finally:
                os.close(fd)
        if body:
            yield bytes(body), 0, packing
        return {"errors": errors}

    def do_condense(self, request):
        """Yield buckets of record files instead of their bytes, as far as these hold nothing but whole records; then
        what do_fetch() does.

        files: [path, bytes, points, of_many, many] each: how many points make a bucket, and how many do where so many
        metrics take turns. Of each, there are two numbers of pieces behind those of the ranges: rows, and points that
        fill none. "files" in the answer says of each how far it came, by what bytes it is known again, and how many
        points make a bucket; or by "error" why it cannot be read.
        """
        told, number = [], len(request["ranges"])
        for path, length, *rule in request["files"]:
            try:
                fd = open_regular(self.path(path))
            except OSError as error:
                told.append(of_error(error))
                number += 2
                continue
            try:
                begin = os.pread(fd, min(LOOKED_AT_BYTES, length), 0)
                sure = marked(begin)
                # Where it is damaged before that, others see how many metrics it has.
                is_told = sure >= TELLING_BYTES or len(begin) - sure < 2 * RECORD_BYTES
                size = size_for(begin[:sure], *rule) if is_told else 0
                condenser, offset, anchor, last = Condenser(size), 0, b"", not size
                while not last:
                    # With the next record's mark, which tells that the last one was not cut short by it.
                    data = os.pread(fd, min(CONDENSED_AT_ONCE_BYTES + len(MARK), length - offset), offset)
                    whole = data[: marked(data)]
                    last = not whole or len(whole) < CONDENSED_AT_ONCE_BYTES
                    rows = condenser.take(whole, offset) if whole else b""
                    offset, anchor = offset + len(whole), (anchor + whole[-64:])[-64:]
                    yield PIECE.pack(number, len(rows)) + shuffled(rows, ROW.size), SHUFFLED, True
                rest = condenser.rest()
                for start in range(0, len(rest), SLICE_BYTES):
                    part = rest[start : start + SLICE_BYTES]
                    yield PIECE.pack(number + 1, len(part)) + part, 0, True
                told.append([offset, begin[: min(64, offset)].hex(), anchor.hex(), size])
            except OSError as error:
                told.append(of_error(error))
            finally:
                os.close(fd)
                number += 2
        answer = yield from self.do_fetch(request)
        answer["files"] = told
        return answer

    def path(self, path):
        return os.path.join(self.root, as_path(path)) if path else self.root


def main():
    for change in (lambda: os.nice(10), lambda: os.chdir("/")):
        try:
            change()
        except OSError:
            pass
    # What starts commands there may have them ignored.
    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGPIPE, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.set_blocking(0, False)
    os.set_blocking(1, False)
    Agent(0, 1).serve()
