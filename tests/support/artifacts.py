"""What the tests of artifacts ask of a storage root."""

import json


def write(path, content):
    path.write_text(content)
    return path


def events(run):
    return [json.loads(line) for line in (run.dir / "events.jsonl").read_text().splitlines()]


def partial_files(root):
    return list((root / "artifacts/blobs/partial").glob("*"))


def blobs(root):
    return [path for path in (root / "artifacts/blobs").glob("??/*") if path.is_file()]


def warnings_of(run):
    run.finish()
    return json.loads((run.dir / "status.json").read_text())["warnings"]


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
