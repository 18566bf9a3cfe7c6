"""What the least of the work is that pyramids of long files take, as a reference: two threads, one buffer each."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from runicorn.storage.columns import RECORD_DTYPE

BUFFER_RECORDS, BUCKET_RECORDS = 65_536, 512
# What it took, for a file of a million points and for a hundred, where the targets are from.
ONE_MS, HUNDRED_MS = 3.5, 250.0


def scan_all(files: Sequence[Path]) -> None:
    """Scan files in two threads."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(scan, files))


def scan(file: Path) -> None:
    """Read a file of records through one buffer, and take least, greatest and sum of its values."""
    records = np.empty(BUFFER_RECORDS, RECORD_DTYPE)
    room = memoryview(records).cast("B")
    with file.open("rb", buffering=0) as opened:
        while size := opened.readinto(room):
            count = size // RECORD_DTYPE.itemsize // BUCKET_RECORDS * BUCKET_RECORDS
            values = records["value"][:count].reshape(-1, BUCKET_RECORDS)
            values.min(1), values.max(1), values.sum(1)


def seconds(work: Callable[[], object], times: int = 1) -> float:
    """Return the median of what this takes."""
    measured = []
    for _ in range(times):
        began_at = time.perf_counter()
        work()
        measured.append(time.perf_counter() - began_at)
    return statistics.median(measured)


def compared(what: str, found_ms: Sequence[float], reference_ms: float, target_ms: float | None, at_ms: float) -> str:
    """Return a line for a figure. target_ms: where the reference takes at_ms; it is met by the ratio."""
    median = statistics.median(found_ms)
    target = f"target {target_ms / at_ms:6.2f} x, {target_ms:5,.0f} ms there" if target_ms is not None else ""
    each = ", ".join(f"{value:,.1f}" for value in found_ms)
    return f"{what:12} {median:9.1f} ms {median / reference_ms:8.2f} x the reference  {target:32}  ({each})"


def is_missed(found_ms: Sequence[float], reference_ms: float, target_ms: float, at_ms: float) -> bool:
    return statistics.median(found_ms) / reference_ms > target_ms / at_ms
