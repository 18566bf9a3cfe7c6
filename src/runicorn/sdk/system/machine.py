"""Processor, memory, disk and network, of the machine and of this process, by psutil. One reading after another."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runicorn import locks

MIB = 2**20


class MachineReader:
    """Reads the machine. Rates are since the reading before, so the first one has none.

    Raises ImportError where psutil is missing. What one system does not tell is left out.
    """

    def __init__(self, folder: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        with locks.LOADING:
            import psutil  # 20 ms, in the background thread

        self._psutil = psutil
        self._folder = str(folder)
        self._monotonic = monotonic
        self._process = psutil.Process()
        self._before: dict[str, float] = {}
        self._read_at = 0.0
        psutil.cpu_percent()
        self._process.cpu_percent()

    def read(self) -> dict[str, float]:
        """Return the values by metric: percent, MiB, MiB per second, counts."""
        found: dict[str, float] = {}
        for reading in (self._processor, self._memory, self._disk, self._network, self._own):
            with contextlib.suppress(self._psutil.Error, OSError, NotImplementedError, RuntimeError):
                found.update(reading())
        return found

    def _processor(self) -> dict[str, float]:
        return {"system/cpu_percent": self._psutil.cpu_percent()}

    def _memory(self) -> dict[str, float]:
        memory = self._psutil.virtual_memory()
        return {
            "system/memory_percent": memory.percent,
            "system/memory_used_mib": (memory.total - memory.available) / MIB,
            "system/swap_percent": self._psutil.swap_memory().percent,
        }

    def _disk(self) -> dict[str, float]:
        usage = self._psutil.disk_usage(self._folder)
        found = {"system/disk_percent": usage.percent, "system/disk_free_mib": usage.free / MIB}
        counters = self._psutil.disk_io_counters()
        if counters is not None:
            found |= self._rates(disk_read_mib_s=counters.read_bytes, disk_write_mib_s=counters.write_bytes)
        return found

    def _network(self) -> dict[str, float]:
        counters = self._psutil.net_io_counters()
        if counters is None:
            return {}
        return self._rates(network_sent_mib_s=counters.bytes_sent, network_received_mib_s=counters.bytes_recv)

    def _own(self) -> dict[str, float]:
        with self._process.oneshot():
            return {
                "system/process_cpu_percent": self._process.cpu_percent(),
                "system/process_memory_mib": self._process.memory_info().rss / MIB,
                "system/process_threads": self._process.num_threads(),
            }

    def _rates(self, **totals: Any) -> dict[str, float]:
        """Return how fast totals of bytes grew since the last reading, in MiB per second."""
        now = self._monotonic()
        rates = {}
        for name, total in totals.items():
            before, at = self._before.get(name), self._before.get(name + "@", now)
            if before is not None and now > at and total >= before:
                rates[f"system/{name}"] = (total - before) / MIB / (now - at)
            self._before[name], self._before[name + "@"] = total, now
        return rates
