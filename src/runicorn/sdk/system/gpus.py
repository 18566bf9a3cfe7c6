"""Each NVIDIA GPU of the machine, by NVML."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from runicorn import locks

MIB = 2**20
_TEMPERATURE_GPU = 0  # NVML_TEMPERATURE_GPU


class GpuReader:
    """Reads all GPUs. Raises ImportError without nvidia-ml-py, OSError where there is no driver and no GPU."""

    def __init__(self) -> None:
        with locks.LOADING:
            import pynvml

        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(at) for at in range(pynvml.nvmlDeviceGetCount())]
        except pynvml.NVMLError as error:
            raise OSError(f"NVML: {error}") from error

    def read(self) -> dict[str, float]:
        """Return the values by metric: percent, MiB, degrees Celsius, watts. What a GPU does not tell is left out."""
        found: dict[str, float] = {}
        for at, handle in enumerate(self._handles):
            for reading in (self._utilisation, self._memory, self._temperature, self._power):
                with contextlib.suppress(self._nvml.NVMLError):
                    found.update({f"system/gpu{at}_{name}": value for name, value in reading(handle).items()})
        return found

    def close(self) -> None:
        with contextlib.suppress(self._nvml.NVMLError):
            self._nvml.nvmlShutdown()

    def _utilisation(self, handle: Any) -> dict[str, float]:
        rates = self._nvml.nvmlDeviceGetUtilizationRates(handle)
        return {"percent": float(rates.gpu)}

    def _memory(self, handle: Any) -> dict[str, float]:
        memory = self._nvml.nvmlDeviceGetMemoryInfo(handle)
        return {"memory_used_mib": memory.used / MIB, "memory_percent": 100 * memory.used / max(1, memory.total)}

    def _temperature(self, handle: Any) -> dict[str, float]:
        read: Callable[[Any, int], int] = self._nvml.nvmlDeviceGetTemperature
        return {"temperature_c": float(read(handle, _TEMPERATURE_GPU))}

    def _power(self, handle: Any) -> dict[str, float]:
        return {"power_w": self._nvml.nvmlDeviceGetPowerUsage(handle) / 1000}
