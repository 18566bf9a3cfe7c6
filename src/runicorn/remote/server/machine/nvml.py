"""GPUs as NVIDIA's management library tells them, by ctypes alone: sent to a host, for Python 3.6 and newer.

See NVIDIA's NVML API reference for its calls, structures and codes. Any call may hang with the driver, so this runs in
a process of its own.
"""
# No `from __future__ import annotations`, which Python 3.6 does not know, and no annotations but in words.

import ctypes

_OK, _TOO_SMALL = 0, 7
_TEMPERATURE_GPU = 0
_NOT_AVAILABLE = 2**64 - 1
_TEXT_BYTES = 96
_MIG_ENABLED = 1


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class _Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class _Process(ctypes.Structure):
    _fields_ = [("pid", ctypes.c_uint), ("used", ctypes.c_ulonglong)]


class _ProcessOfInstance(ctypes.Structure):
    _fields_ = [*_Process._fields_, ("gpu_instance", ctypes.c_uint), ("compute_instance", ctypes.c_uint)]


class NoLibraryError(OSError):
    """There is no such library on this machine."""


class Nvml:
    """Raises NoLibraryError, and OSError where there is no driver."""

    def __init__(self):
        try:
            self._library = ctypes.CDLL("libnvidia-ml.so.1")
        except OSError as error:
            raise NoLibraryError(str(error)) from None
        code = self._library.nvmlInit_v2()
        if code != _OK:
            tell = self._library.nvmlErrorString
            tell.restype = ctypes.c_char_p
            raise OSError("the driver says: %s" % (tell(code) or b"error %d" % code).decode("ascii", "replace"))

    def read(self):
        """Return what each GPU tells: see gpus.read()."""
        count = self._number("nvmlDeviceGetCount_v2")
        if count is None:
            raise OSError("the driver does not say how many GPUs there are")
        return [gpu for gpu in map(self._gpu, range(count)) if gpu is not None]

    def _gpu(self, index):
        handle = ctypes.c_void_p()
        if self._library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) != _OK:
            return None
        rates = self._structure("nvmlDeviceGetUtilizationRates", handle, _Utilization)
        power = self._number("nvmlDeviceGetPowerUsage", handle)
        parts = self._parts(handle)
        processes = self._processes(handle)
        if parts:  # what a GPU that is parted tells of its processes, each part tells better
            lists = [self._processes(part) for part, _ in parts]
            found = {process["pid"]: process for each in lists for process in each or ()}
            processes = list(found.values()) if found or all(each is not None for each in lists) else processes
        return {
            "index": index,
            "id": self._text("nvmlDeviceGetUUID", handle),
            "name": self._text("nvmlDeviceGetName", handle),
            "busy_percent": None if rates is None or parts else rates.gpu,
            "temperature_c": self._number("nvmlDeviceGetTemperature", handle, _TEMPERATURE_GPU),
            "power_w": None if power is None else power / 1000.0,
            "parts": None if parts is None else [part for _, part in parts],
            "processes": processes,
            **self._memory(handle),
        }

    def _parts(self, handle):
        """Return the instances that a GPU is parted into (MIG); None where it is whole."""
        current, pending, most = ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint()
        ask = getattr(self._library, "nvmlDeviceGetMigMode", None)
        if ask is None or ask(handle, ctypes.byref(current), ctypes.byref(pending)) != _OK:
            return None
        if current.value != _MIG_ENABLED:
            return None
        if self._library.nvmlDeviceGetMaxMigDeviceCount(handle, ctypes.byref(most)) != _OK:
            return []
        found = []
        for at in range(most.value):
            part = ctypes.c_void_p()
            if self._library.nvmlDeviceGetMigDeviceHandleByIndex(handle, at, ctypes.byref(part)) == _OK:
                names = {"id": self._text("nvmlDeviceGetUUID", part), "name": self._text("nvmlDeviceGetName", part)}
                processes = self._processes(part)
                busy = None if processes is None else len(processes)
                found.append((part, {"index": at, "process_count": busy, **names, **self._memory(part)}))
        return found

    def _memory(self, handle):
        memory = self._structure("nvmlDeviceGetMemoryInfo", handle, _Memory)
        return {
            "memory_used": None if memory is None else memory.used,
            "memory_total": None if memory is None else memory.total,
        }

    def _processes(self, handle):
        """Return the processes on a GPU; None where it does not tell."""
        found, told = {}, False
        for kind in ("Compute", "Graphics"):
            each = self._processes_of(kind, handle)
            told = told or each is not None
            for process in each or ():
                found.setdefault(process["pid"], process)
        return list(found.values()) if told else None

    def _processes_of(self, kind, handle):
        name = "nvmlDeviceGet%sRunningProcesses" % kind
        versions = [(name + "_v3", _ProcessOfInstance), (name + "_v2", _ProcessOfInstance), (name, _Process)]
        for name, structure in versions:
            ask = getattr(self._library, name, None)
            if ask is None:
                continue
            room = 64
            for _ in range(8):  # there may be more each time
                count, found = ctypes.c_uint(room), (structure * room)()
                code = ask(handle, ctypes.byref(count), found)
                if code == _OK:
                    return [
                        {"pid": each.pid, "memory": None if each.used == _NOT_AVAILABLE else each.used}
                        for each in found[: count.value]
                    ]
                if code != _TOO_SMALL:
                    break
                room = max(2 * room, count.value + 8)
        return None

    def _number(self, name, *arguments):
        found = ctypes.c_uint()
        return found.value if getattr(self._library, name)(*arguments, ctypes.byref(found)) == _OK else None

    def _structure(self, name, handle, kind):
        found = kind()
        return found if getattr(self._library, name)(handle, ctypes.byref(found)) == _OK else None

    def _text(self, name, handle):
        found = ctypes.create_string_buffer(_TEXT_BYTES)
        ask = getattr(self._library, name, None)
        if ask is None or ask(handle, found, _TEXT_BYTES) != _OK:
            return ""
        return found.value.decode("utf-8", "replace")
