"""What a machine told over the last hour: how busy its GPUs were, and since when each is free. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

HISTORY_SECS = 3600.0
# A GPU counts as free once for so long nobody was on it, and no more than this part of its memory was taken.
FREE_AFTER_SECS = 60.0
FREE_MEMORY_PART = 0.05
# Looks that lie further apart say nothing of what was between them.
_GAP_SECS = 45.0
_MOST_SHOWN = 120


@dataclass
class _Seen:
    """One GPU, or a part of one. looks: moment, busy percent, part of its memory. idle_since: None while somebody is
    on it.
    """

    looks: deque[tuple[float, float | None, float | None]] = field(default_factory=deque)
    idle_since: float | None = None


class GpuHistory:
    """Of one machine. Moments: as of one monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def note(self, gpus: Sequence[Mapping[str, Any]], moment: float) -> None:
        """Take in what each GPU tells now, and each part of one; see gpus.Gpus.read."""
        for gpu in [each for whole in gpus for each in (whole, *(self.parts(whole) or ()))]:
            seen = self._seen.setdefault(_key(gpu), _Seen())
            if seen.looks and moment - seen.looks[-1][0] > _GAP_SECS:
                seen.idle_since = None
            seen.looks.append((moment, gpu["busy_percent"], _memory_part(gpu)))
            while moment - seen.looks[0][0] > HISTORY_SECS:
                seen.looks.popleft()
            if is_idle(gpu):
                seen.idle_since = moment if seen.idle_since is None else seen.idle_since
            else:
                seen.idle_since = None

    def idle_secs(self, gpu: Mapping[str, Any], moment: float) -> float | None:
        """Return for how long nobody has been seen on a GPU, or a part of one; None while somebody is, or it told
        nothing lately.
        """
        seen = self._seen.get(_key(gpu))
        if seen is None or seen.idle_since is None or moment - seen.looks[-1][0] > _GAP_SECS:
            return None
        return max(0.0, moment - seen.idle_since)

    def is_free(self, gpu: Mapping[str, Any], moment: float) -> bool:
        idle = self.idle_secs(gpu, moment)
        return idle is not None and idle >= FREE_AFTER_SECS

    @staticmethod
    def parts(gpu: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Return the instances that a GPU is parted into, as GPUs of their own; None for a whole one."""
        if gpu["parts"] is None:
            return None
        return [
            {
                **part,
                "id": str(part["id"] or f"{_key(gpu)}/{part['index']}"),
                "busy_percent": None,
                "processes": None if part["process_count"] is None else [None] * part["process_count"],
            }
            for part in gpu["parts"]
        ]

    def shown(self, gpu: Mapping[str, Any], moment: float) -> list[tuple[float, float | None, float | None]]:
        """Return the looks of the last hour, at most 120: seconds ago, busy percent, part of the memory; each value is
        the greatest of those that it stands for.
        """
        seen = self._seen.get(_key(gpu))
        if seen is None:
            return []
        shown: dict[int, tuple[float, float | None, float | None]] = {}
        for at, busy, memory in seen.looks:
            place = int((at - moment) // (HISTORY_SECS / _MOST_SHOWN))
            _, most_busy, most_memory = shown.get(place, (0.0, None, None))
            shown[place] = max(0.0, moment - at), _greater(busy, most_busy), _greater(memory, most_memory)
        return [shown[place] for place in sorted(shown)][-_MOST_SHOWN:]


def is_idle(gpu: Mapping[str, Any]) -> bool:
    """Tell whether nobody is on a GPU or a part of one, as far as it tells: no process, hardly any memory taken."""
    memory = _memory_part(gpu)
    if gpu["processes"] or (memory is not None and memory >= FREE_MEMORY_PART):
        return False
    # One that tells neither is known by nothing.
    return gpu["processes"] is not None or memory is not None


def _memory_part(gpu: Mapping[str, Any]) -> float | None:
    used, total = gpu["memory_used"], gpu["memory_total"]
    return used / total if used is not None and total else None


def _key(gpu: Mapping[str, Any]) -> str:
    return str(gpu["id"] or gpu["index"])


def _greater(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)
