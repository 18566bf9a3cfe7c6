"""Looking at the folders of runs: their small files, many runs in one call. Gives values, and keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from runicorn.storage import layout, reader, records
from runicorn.storage.files import Files, FileStat, Listing, Range, by_name
from runicorn.storage.growing import is_young
from runicorn.storage.jsonio import decode_object
from runicorn.storage.records import Record
from runicorn.storage.tail import RecordTail, advance

SMALL_FILES = (layout.RUN_FILE, layout.STATUS_FILE, layout.NOTES_FILE)
_RECORD_FILES = (layout.METRICS_FILE, layout.keys_file(layout.METRICS_FILE))
# Enough for the last value of some hundred metrics.
_TAIL_BYTES = 1024 * records.RECORD_BYTES


class Wanted(NamedTuple):
    """A run to look at.

    folder: what is known of it from a look a moment ago; None to find out. known: the states of its small files when
    they were last read, which are not read again in these states; None where they never were.
    """

    run_id: str
    folder: FileStat | None = None
    known: Mapping[str, FileStat | None] | None = None


@dataclass
class Seen:
    """What was found of one run.

    folder: None where it is gone. unreadable: what could not be read right now, by file, and why; `folder` among them.
    contents: by small file; None where they are as they were known. records: what lies there of metrics.bin, where that
    was seen along with it. guessed: whether of the folder nothing is known but that it is there.
    """

    folder: FileStat | None = None
    stats: dict[str, FileStat | None] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    too_large: list[str] = field(default_factory=list)
    contents: dict[str, dict[str, Any] | None] | None = None
    records: dict[str, FileStat] = field(default_factory=dict)
    guessed: bool = False


def scan(files: Files, wanted: Sequence[Wanted]) -> Iterator[Iterator[tuple[Wanted, Seen]]]:
    """Look at runs in two calls, one for what there is and one for what changed of it. Yield them in groups.

    Each group holds no more than one call may ask for; who takes it lets go of it before the next one is made.
    """
    questions: list[tuple[Seen, str, str]] = []
    found = []
    for each in wanted:
        seen = Seen(each.folder)
        found.append((each, seen))
        folder = layout.run_path(each.run_id)
        if each.folder is None:
            questions.append((seen, "", folder))
        questions += [(seen, name, f"{folder}/{name}") for name in SMALL_FILES]
    answers = files.stats([path for _, _, path in questions])
    for (seen, name, _), answer in zip(questions, answers, strict=True):
        status = None if isinstance(answer, OSError) else answer
        if isinstance(answer, OSError):
            seen.unreadable[name or "folder"] = _why(answer)
        if name:
            seen.stats[name] = status
        else:
            seen.folder = status
    yield from _groups(files, found)


def scan_listed(
    files: Files, wanted: Sequence[Wanted], listings: Sequence[Listing]
) -> Iterator[Iterator[tuple[Wanted, Seen]]]:
    """Look at runs whose folders were just looked into: one call for what changed, or none. Yields as scan() does."""
    found = []
    for each, listing in zip(wanted, listings, strict=True):
        changed_ns = max((status.mtime_ns for status in listing.values()), default=0)
        folder = FileStat(each.run_id, True, 0, changed_ns, 0)
        seen = Seen(folder, {name: listing.get(name) for name in SMALL_FILES}, guessed=True)
        seen.records = {name: listing[name] for name in _RECORD_FILES if name in listing}
        found.append((each, seen))
    yield from _groups(files, found)


def last_points(files: Files, runs: Mapping[str, Mapping[str, FileStat]]) -> dict[str, dict[str, Record] | OSError]:
    """Return the last record of the metrics near the end of metrics.bin, by run, of runs that died in between.

    runs: the states of metrics.bin and metrics.keys. One call for all of them.
    """
    tails = []
    for run_id, listing in runs.items():
        status = listing.get(layout.METRICS_FILE)
        size = 0 if status is None else status.size_bytes
        begin = max(0, size - size % records.RECORD_BYTES - _TAIL_BYTES)
        tails.append((RecordTail(layout.run_path(run_id, layout.METRICS_FILE), begin), listing))
    found: dict[str, dict[str, Record] | OSError] = {}
    pieces = advance(files, tails, len(tails) * 2 * _TAIL_BYTES)
    for run_id, (tail, _), piece in zip(runs, tails, pieces, strict=True):
        if isinstance(piece, OSError):
            found[run_id] = piece
        else:
            unpacked = records.unpack(piece.data, piece.found) if piece is not None else ()
            found[run_id] = {tail.names.name(record.metric): record for record in unpacked}
    return found


def stat_records(files: Files, run_ids: Sequence[str]) -> dict[str, Listing]:
    """Return what there is of metrics.bin and its names, by run; nothing of a run for which that cannot be told."""
    paths = [layout.run_path(run_id, name) for run_id in run_ids for name in _RECORD_FILES]
    answers = files.stats(paths)
    found: dict[str, Listing] = {}
    for at, run_id in enumerate(run_ids):
        mine = answers[len(_RECORD_FILES) * at : len(_RECORD_FILES) * (at + 1)]
        if not any(isinstance(each, OSError) for each in mine):
            found[run_id] = by_name(each for each in mine if isinstance(each, FileStat))
    return found


def _groups(files: Files, found: list[tuple[Wanted, Seen]]) -> Iterator[Iterator[tuple[Wanted, Seen]]]:
    """Yield the runs with what is in their small files, where these changed."""
    group: list[tuple[Wanted, Seen]] = []
    left = files.batch_bytes
    for wanted, seen in found:
        size = sum(reader.small_length(each) for each in seen.stats.values()) if _has_changed(wanted, seen) else 0
        if group and size > left:
            yield _read(files, group)
            group, left = [], files.batch_bytes
        group.append((wanted, seen))
        left -= size
    yield _read(files, group)


def _has_changed(wanted: Wanted, seen: Seen) -> bool:
    return (seen.folder is not None and seen.folder.is_dir) and (wanted.known is None or wanted.known != seen.stats)


def _read(files: Files, group: Sequence[tuple[Wanted, Seen]]) -> Iterator[tuple[Wanted, Seen]]:
    """Fetch the small files of those that changed, and yield all, each decoded when it is its turn.

    All files of a run: to keep those of ten thousand would take 150 MB.
    """
    asked = [
        [(name, Range(layout.run_path(wanted.run_id, name), 0, reader.small_length(status)))
         for name in SMALL_FILES if (status := seen.stats[name]) is not None]
        if _has_changed(wanted, seen) else None
        for wanted, seen in group
    ]  # fmt: skip
    ranges = [each for mine in asked for _, each in mine or ()]
    return _decoded(group, asked, iter(files.fetch(ranges) if ranges else []))


def _decoded(
    group: Sequence[tuple[Wanted, Seen]],
    asked: Sequence[Sequence[tuple[str, Range]] | None],
    answers: Iterator[bytes | OSError],
) -> Iterator[tuple[Wanted, Seen]]:
    for (wanted, seen), mine in zip(group, asked, strict=True):
        if mine is not None:
            seen.contents = dict.fromkeys(SMALL_FILES)
            for name, range_ in mine:
                _take(seen, name, range_, next(answers))
        yield wanted, seen


def _take(seen: Seen, name: str, asked: Range, data: bytes | OSError) -> None:
    """Note what is in a file, or why that is not known."""
    assert seen.contents is not None
    if isinstance(data, FileNotFoundError):  # replaced, or taken away, between the two calls
        seen.unreadable[name] = "it was replaced in this moment"
    elif isinstance(data, OSError):
        seen.unreadable[name] = _why(data)
    elif len(data) == reader.MAX_SMALL_BYTES + 1:
        seen.too_large.append(name)
    elif len(data) == asked.length:
        seen.unreadable[name] = "it was replaced in this moment"
    else:
        seen.contents[name] = decode_object(data, reader.FIELDS_OF_LIST if name == layout.RUN_FILE else ())
        if seen.contents[name] is None and _is_incomplete(data, seen.stats[name]):
            seen.unreadable[name] = "it is incomplete"


def _is_incomplete(data: bytes, status: FileStat | None) -> bool:
    """Tell whether what is no JSON may be so for a moment only: cut short, or with bytes that are still coming."""
    assert status is not None
    return len(data) < status.size_bytes or (b"\0" in data and is_young(status))


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
