"""Distributions."""

from __future__ import annotations

from typing import Any

from runicorn.sdk.media.arrays import to_array
from runicorn.sdk.media.base import Encoded, Media, MediaError, Store
from runicorn.storage.events import Kind

MAX_BINS = 512


class Histogram(Media):
    """How values are distributed: values of any shape, counted into bins here, or counts that are known already.

    sequence: any numbers; NaN and infinities are left out and counted apart. np_histogram: (counts, edges) as
    numpy.histogram gives them, one more edge than counts. num_bins: 1 to 512.
    """

    kind = Kind.HISTOGRAM

    def __init__(self, sequence: Any = None, np_histogram: Any = None, num_bins: int = 64,
                 caption: str | None = None, **_: Any) -> None:  # fmt: skip
        self.sequence = sequence
        self.np_histogram = np_histogram
        self.num_bins = num_bins
        self.caption = caption

    def encode(self, store: Store) -> Encoded:
        import numpy as np

        if self.np_histogram is not None:
            counts, edges = (to_array(part).astype(np.float64).ravel() for part in self.np_histogram[:2])
            omitted = 0
        else:
            values = to_array(self.sequence).astype(np.float64).ravel()
            finite = values[np.isfinite(values)]
            omitted = len(values) - len(finite)
            # numpy's own bins fail where the span is beyond a float or below its resolution.
            with np.errstate(over="ignore"):
                low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
                if not np.isfinite(high - low):
                    raise MediaError("the values span more than a float can hold")
                found, edges = np.histogram(finite, max(1, min(MAX_BINS, int(self.num_bins))), _span(low, high))
            counts = found.astype(np.float64)
        if len(edges) != len(counts) + 1 or not len(counts):
            raise MediaError(f"{len(counts)} counts need {len(counts) + 1} edges, not {len(edges)}")
        if not (np.isfinite(counts).all() and np.isfinite(edges).all()):
            raise MediaError("counts and edges must be finite")
        item = {"edges": edges.tolist(), "counts": counts.tolist()}
        return Encoded(self.captioned({**item, "omitted": omitted} if omitted else item))


def _span(low: float, high: float) -> tuple[float, float]:
    """Return a span that numpy can divide; values that are all the same get one around them."""
    least = max(abs(low), abs(high)) * 1e-12
    return (low, high) if high - low > least else (low - max(0.5, least), high + max(0.5, least))
