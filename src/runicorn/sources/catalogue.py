"""The metrics of many runs by name, with what their scripts say of them, without looking at any point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from runicorn.storage import layout, reader
from runicorn.storage.files import Files, Listing, Range, in_calls
from runicorn.storage.jsonio import decode_object
from runicorn.storage.names import MetricNames


@dataclass
class MetricList:
    """names: which of the runs have each metric. definitions: what run.json says, by run. unreadable: the others."""

    names: dict[str, list[str]] = field(default_factory=dict)
    definitions: dict[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    unreadable: dict[str, OSError] = field(default_factory=dict)


class _Wanted(NamedTuple):
    """A file to be read for a run. keys: None where it is run.json."""

    run_id: str
    part: Range
    size_bytes: int
    keys: MetricNames | None


def metric_list(files: Files, listings: Mapping[str, Listing]) -> MetricList:
    """Return the metrics of runs. listings: what look() showed of their folders."""
    found = MetricList()
    for group in in_calls(_wanted(listings), lambda each: each.size_bytes, files.batch_bytes):
        for each, data in zip(group, files.fetch([each.part for each in group]), strict=True):
            if isinstance(data, OSError):
                found.unreadable[each.run_id] = data
            elif each.keys is None:
                found.definitions[each.run_id] = reader.metric_definitions(decode_object(data) or {})
            else:
                each.keys.take(data)
                for metric in filter(None, each.keys.by_number):
                    runs = found.names.setdefault(metric, [])
                    if not runs or runs[-1] != each.run_id:
                        runs.append(each.run_id)
    return found


def _wanted(listings: Mapping[str, Listing]) -> Iterator[_Wanted]:
    for run_id, listing in listings.items():
        info = listing.get(layout.RUN_FILE)
        if info is not None:
            path = layout.run_path(run_id, layout.RUN_FILE)
            yield _Wanted(run_id, Range(path, 0, reader.small_length(info)), info.size_bytes, None)
        for name in layout.record_files(listing):
            status = listing.get(layout.keys_file(name))
            keys = MetricNames(layout.run_path(run_id, layout.keys_file(name)))
            for part in keys.plan(status):
                yield _Wanted(run_id, part, status.size_bytes if status else 0, keys)
