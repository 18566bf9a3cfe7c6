"""Whatever a disk answers for a while, afterwards a reader shows what one that has just started shows, to the byte."""

import contextlib
import json
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.far_files import FaultyFiles

from runicorn.errors import ExchangeError
from runicorn.exchange import exporting
from runicorn.storage import layout
from runicorn.storage.files import LocalFiles
from runicorn.storage.follow import NewEvents, NewPoints, NewText, Replaced, RunFollower, news
from runicorn.storage.index import RunIndex
from runicorn.storage.points import PointStore
from runicorn.storage.records import pack

RUNS = ("one", "two")
# What happens to a run between two looks of its readers.
CHANGES = st.sampled_from(
    ["append", "append", "append many", "torn", "new name", "replace", "rewrite", "shrink", "vanish", "event", "print",
     "status", "notes", "rank", "nothing"]
)  # fmt: skip
FAULTS = st.one_of(st.none(), st.none(), st.none(), st.sampled_from(FaultyFiles.FAULTS))


class Writer:
    """Writes a run as a script, a crash, a copy or a person would."""

    def __init__(self, root, run_id):
        self.folder = root / "runs" / run_id
        self.away = root / f"away-{run_id}"
        self.step = 0
        self.names = 0
        self.value = 0.0

    def begin(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        info = {"name": self.folder.name, "created_at": "2026-01-01T00:00:00Z", "config": {"lr": 0.1}}
        (self.folder / "run.json").write_text(json.dumps(info))
        self.status("finished")
        self.change("new name")
        self.change("append many")

    def status(self, state):
        (self.folder / "new").write_text(json.dumps({"state": state, "step": self.step}))
        (self.folder / "new").replace(self.folder / "status.json")

    def points(self, count):
        rows = []
        for _ in range(count):
            self.step += 1
            self.value += 0.25
            rows.append(pack(self.step % max(1, self.names), self.step, 1000.0 + self.value, self.value))
        return b"".join(rows)

    def append(self, name, data):
        with (self.folder / name).open("ab") as file:
            file.write(data)

    def change(self, what):
        if self.away.exists():  # what vanished comes back
            self.away.rename(self.folder)
        records = self.folder / "metrics.bin"
        if what == "append":
            self.append("metrics.bin", self.points(3))
        elif what == "append many":
            self.append("metrics.bin", self.points(200))
        elif what == "torn":
            self.append("metrics.bin", self.points(2)[:45])
        elif what == "new name":
            self.append("metrics.keys", layout.encode_key(f"m{self.names}"))
            self.names += 1
        elif what == "replace":
            (self.folder / "new").write_bytes(self.points(150))
            (self.folder / "new").replace(records)
        elif what == "rewrite":
            records.write_bytes(self.points(records.stat().st_size // 32 + 5))
        elif what == "shrink":
            with records.open("r+b") as file:
                file.truncate(records.stat().st_size // 2)
        elif what == "vanish":
            self.folder.rename(self.away)
        elif what == "event":
            self.append("events.jsonl", json.dumps({"type": "text", "step": self.step}).encode() + b"\n")
        elif what == "print":
            self.append("console.log", f"step {self.step} é\n".encode())
        elif what == "status":
            self.status("failed")
        elif what == "notes":
            (self.folder / "notes.json").write_text(json.dumps({"name": f"named at {self.step}"}))
        elif what == "rank":
            self.append("metrics.rank1.keys", layout.encode_key("m0"))
            self.append("metrics.rank1.bin", pack(0, self.step, 5.0, 0.5))


class Readers:
    """All that looks at a root for as long as a viewer lives."""

    def __init__(self, files):
        self.files = files
        self.moment = 0.0
        self.index = RunIndex(files, now=lambda: 4e9, monotonic=lambda: self.moment)
        self.store = PointStore(files)
        self.followers = [RunFollower(run_id, {}, monotonic=lambda: self.moment) for run_id in RUNS]
        self.points = {run_id: {} for run_id in RUNS}
        self.text = dict.fromkeys(RUNS, "")
        self.events = {run_id: {} for run_id in RUNS}

    def look(self):
        """Look at everything once; nothing but an OSError, or an error of ours in its place, may come of it."""
        self.moment += 7  # all looks of a test lie within the time in which zeros are looked at again
        self.index.runs()
        for run_id in RUNS:
            with contextlib.suppress(OSError):
                self.store.read(run_id, ["m0", "m1"])
                self.store.stats(run_id)
            with contextlib.suppress(ExchangeError):
                list(exporting.points(self.files, run_id))
        self.listen()

    def listen(self):
        for follower, item in news(self.files, self.followers):
            run_id = follower.run_id
            if isinstance(item, Replaced):
                self.points[run_id].pop(item.file, None)
                self.events[run_id].pop(item.file, None)
                if item.file == layout.CONSOLE_FILE:
                    self.text[run_id] = ""
            elif isinstance(item, NewPoints):
                known = self.points[run_id].setdefault(item.file, {})
                for name, columns in item.metrics.items():
                    for ours, new in zip(known.setdefault(name, ([], [], [])), columns, strict=True):
                        ours.extend(new)
            elif isinstance(item, NewEvents):
                self.events[run_id].setdefault(item.file, []).extend(item.events)
            elif isinstance(item, NewText):
                self.text[run_id] += item.text

    def shown(self):
        """Return what a person sees."""
        self.moment += 7  # all looks of a test lie within the time in which zeros are looked at again
        self.index.runs()
        runs = {item.run.id: item.run for item in self.index.runs()}
        points, stats = {}, {}
        for run_id in RUNS:
            found = self.store.read(run_id, ["m0", "m1", "m2", "unnamed/0"])
            points[run_id] = {
                name: (c.step.tobytes(), c.time.tobytes(), c.value.tobytes()) for name, c in found.columns.items()
            }
            stats[run_id] = self.store.stats(run_id)
        return runs, points, stats


@given(st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_after_any_faults_a_reader_shows_what_a_new_one_does(data):
    folder = tempfile.mkdtemp()
    try:
        root = Path(folder)
        writers = [Writer(root, run_id) for run_id in RUNS]
        for writer in writers:
            writer.begin()
        faulty = FaultyFiles(LocalFiles(root), lambda: data.draw(FAULTS))
        readers = Readers(faulty)
        for _ in range(data.draw(st.integers(1, 5))):
            data.draw(st.sampled_from(writers)).change(data.draw(CHANGES))
            readers.look()
        for writer in writers:
            writer.change("nothing")
        faulty.healthy = True
        fresh = Readers(LocalFiles(root))
        assert readers.shown() == fresh.shown()
        assert list(exporting.points(faulty, "one")) == list(exporting.points(LocalFiles(root), "one"))
        for each in (readers, fresh):
            each.listen()
            each.listen()
        assert readers.points == fresh.points
        assert readers.text == fresh.text
        assert readers.events == fresh.events
    finally:
        shutil.rmtree(folder)
