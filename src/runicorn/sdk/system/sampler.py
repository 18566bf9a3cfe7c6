"""Samples the machine into system.bin; everything happens in the run's background thread."""

from __future__ import annotations

import contextlib
from pathlib import Path

from runicorn.sdk.going_on import near_end
from runicorn.sdk.recorder import Recorder
from runicorn.sdk.system.gpus import GpuReader
from runicorn.sdk.system.machine import MachineReader
from runicorn.sdk.warnings import Warnings
from runicorn.storage import layout


class SystemSampler:
    """Takes one sample at each call. The step is the number of the sample; points are drawn over time."""

    def __init__(self, folder: Path, warnings: Warnings) -> None:
        self._folder = folder
        self._warnings = warnings
        self._machine: MachineReader | None = None
        self._gpus: GpuReader | None = None
        self._recorder: Recorder | None = None
        self._active = True

    def sample(self) -> None:
        """Record what the machine does now. Raises nothing; where it cannot be known, it stops asking."""
        if not self._active:
            return
        try:
            if self._recorder is None:
                self._start()
                return  # the first reading has no rates yet
            assert self._machine is not None
            with contextlib.suppress(OSError):  # a claim that grows old costs nothing here
                self._recorder.keeps_file()
            self._recorder.log({**self._machine.read(), **(self._gpus.read() if self._gpus else {})})
        except Exception as error:  # noqa: BLE001 - a background task: psutil missing, disk full, folder gone
            self._active = False
            self._warnings.add("system", f"the machine is not sampled: {error}.")

    def close(self) -> None:
        """Let go of the files; called when the background thread has ended."""
        self._active = False
        if self._recorder is not None:
            self._recorder.close()
        if self._gpus is not None:
            self._gpus.close()

    def _start(self) -> None:
        self._machine = MachineReader(self._folder)
        with contextlib.suppress(ImportError, OSError):
            self._gpus = GpuReader()
        self._recorder = Recorder(self._folder, layout.SYSTEM_FILE, self._warnings, beginning=near_end)
