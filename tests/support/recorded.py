"""What a storage root holds after a script ran."""

import json

from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex
from runicorn.storage.points import PointStore


def only_run(root):
    (item,) = RunIndex(LocalFiles(root)).runs()
    return item.run


def console(root):
    return (root / "runs" / only_run(root).id / "console.log").read_text()


def values(root, metric, run_id=None):
    found = PointStore(LocalFiles(root)).read(run_id or only_run(root).id, [metric]).columns
    return found[metric].value.tolist() if metric in found else []


def status(root):
    return json.loads((root / "runs" / only_run(root).id / "status.json").read_text())
