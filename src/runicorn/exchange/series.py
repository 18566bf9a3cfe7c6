"""The points of one metric, as a caller gets them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class Series:
    """The points of one metric of one run in file order: three numpy arrays of one length.

    step: int64. time: float64, unix seconds. value: float64, NaN and infinities as they were logged.
    """

    name: str
    step: npt.NDArray[Any]
    time: npt.NDArray[Any]
    value: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.value)

    def to_numpy(self) -> npt.NDArray[Any]:
        """Return one structured array with the fields step, time and value."""
        from runicorn.storage.columns import structured

        return structured(self.step, self.time, self.value)
