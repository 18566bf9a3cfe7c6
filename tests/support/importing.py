"""A storage root that runs are imported into, and an imported run as it lies there."""

import json
from pathlib import Path

from runicorn.exchange.importing import Tool, find_sources, import_source, open_target
from runicorn.storage import layout, records
from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex

DATA = Path(__file__).parents[1] / "data"


class Root:
    """A storage root that is imported into."""

    def __init__(self, path):
        self.path = path

    def bring(self, path, tool=Tool.AUTO, **options):
        step = options.pop("step", None)
        known = open_target(self.path)
        return [
            import_source(self.path, source, known=known, **options) for source in find_sources(path, tool, step=step)
        ]

    def only(self, path, **options):
        (done,) = self.bring(path, **options)
        return Stored(self.path, done.run_id)

    def names(self):
        return sorted(item.run.name for item in RunIndex(LocalFiles(self.path)).runs())


class Stored:
    """An imported run as it lies in the root."""

    def __init__(self, root, run_id):
        self.folder = root / layout.RUNS / run_id
        self.run = RunIndex(LocalFiles(root)).find(run_id).run
        names, _ = layout.decode_keys((self.folder / "metrics.keys").read_bytes())
        data = (self.folder / layout.METRICS_FILE).read_bytes()
        self.points = {}
        for record in records.unpack(data, records.scan(data)):
            self.points.setdefault(names[record.metric], []).append((record.step, record.time, record.value))

    def read(self, name):
        return json.loads((self.folder / name).read_bytes())

    @property
    def events(self):
        return [json.loads(line) for line in (self.folder / layout.EVENTS_FILE).read_bytes().splitlines()]
