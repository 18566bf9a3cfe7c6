"""The GPUs of a machine, by whatever tells of them: sent to a host, for Python 3.6 and newer.

NVML first; nvidia-smi where its library is not to be found; else what the kernel's amdgpu driver shows in sysfs.
"""
# No `from __future__ import annotations`, which Python 3.6 does not know, and no annotations but in words.

import os
import re
import subprocess

from runicorn.remote.server.machine.nvml import NoLibraryError, Nvml

MIB = 2**20
SMI_SECS = 20
_SMI_FIELDS = "index,uuid,name,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw,mig.mode.current"
_AMD = "0x1002"
_HIDDEN = None


class Gpus:
    """Reads again and again by what answered first. sysfs: where the kernel shows its devices."""

    def __init__(self, sysfs="/sys"):
        self._sysfs = sysfs
        self._nvml = None
        self._refusal = None  # of a library that is there
        self.by = None

    def read(self):
        """Return what tells of the GPUs, and what it tells of each: index, id, name, busy_percent, memory_used and
        memory_total in bytes, temperature_c, power_w, parts (where it is parted into instances, MIG), and processes:
        pid and memory, with what process_facts() knows of them. None for what is not told.

        Raises OSError where there is a driver that cannot be asked.
        """
        gpus = self._told()
        for gpu in gpus:
            for process in gpu["processes"] or ():
                process.update(process_facts(process["pid"]))
        return {"by": self.by, "gpus": gpus}

    def _told(self):
        for by, read in (("nvml", self._by_nvml), ("nvidia-smi", by_nvidia_smi), ("amdgpu", self._by_sysfs)):
            if self.by in (None, by):
                found = read()
                if found is not None:
                    self.by = by
                    return found
        if self._refusal is not None:
            raise self._refusal
        return []

    def _by_nvml(self):
        if self._nvml is None:
            try:
                self._nvml = Nvml()
            except NoLibraryError:
                return None
            except OSError as error:
                self._refusal = error
                return None
        return self._nvml.read()

    def _by_sysfs(self):
        return by_sysfs(self._sysfs)


def has_nvidia_smi():
    return any(os.access(os.path.join(each, "nvidia-smi"), os.X_OK) for each in os.get_exec_path())


def by_nvidia_smi():
    """Return what nvidia-smi tells; None where there is none, or no driver. Raises OSError."""
    if not has_nvidia_smi():
        return None
    told = _smi("--query-gpu=" + _SMI_FIELDS)
    if told is None:  # an older one knows no MIG
        told = _smi("--query-gpu=" + _SMI_FIELDS.rpartition(",")[0])
    if told is None:
        return None
    apps = _smi("--query-compute-apps=gpu_uuid,pid,used_memory")
    gpus = []
    for index, name, title, busy, used, total, degrees, power, *mig in told:
        is_parted = mig == ["Enabled"]
        gpus.append(
            {
                "index": int(_number(index) or 0),
                "id": name,
                "name": title,
                "busy_percent": None if is_parted else _number(busy),
                "memory_used": _mib(used),
                "memory_total": _mib(total),
                "temperature_c": _number(degrees),
                "power_w": _number(power),
                "parts": [] if is_parted else None,
                "processes": None
                if apps is None
                else [
                    {"pid": int(pid), "memory": _mib(memory)}
                    for gpu, pid, memory in apps
                    if gpu == name and pid.isdigit()
                ],
            }
        )
    return gpus


def _smi(question):
    """Return the answer's lines, each as its fields; None where it refuses. Raises OSError where it hangs."""
    command = ["nvidia-smi", question, "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=SMI_SECS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise OSError("nvidia-smi does not answer") from None
    if done.returncode:
        return None
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return [[field.strip() for field in line.split(",")] for line in lines if line.strip()]


def _number(text):
    return float(text) if re.match(r"-?\d+(\.\d+)?$", text) else None


def _mib(text):
    number = _number(text)
    return None if number is None else int(number * MIB)


def by_sysfs(sysfs):
    """Return what the amdgpu driver shows of each card; None where there is none."""
    cards = os.path.join(sysfs, "class/drm")
    try:
        names = sorted(
            (name for name in os.listdir(cards) if re.match(r"card\d+$", name)), key=lambda name: int(name[4:])
        )
    except OSError:
        return None
    found = []
    for name in names:
        device = os.path.join(cards, name, "device")
        if _text(device, "vendor") != _AMD or _number_in(device, "mem_info_vram_total") is None:
            continue
        sensors = os.path.join(device, "hwmon")
        sensor = os.path.join(sensors, (sorted(_names(sensors)) or [""])[0])
        degrees, power = _number_in(sensor, "temp1_input"), _number_in(sensor, "power1_average")
        found.append(
            {
                "index": len(found),
                "id": _text(device, "unique_id") or os.path.basename(os.path.realpath(device)),
                "name": _text(device, "product_name") or "AMD GPU",
                "busy_percent": _number_in(device, "gpu_busy_percent"),
                "memory_used": _number_in(device, "mem_info_vram_used"),
                "memory_total": _number_in(device, "mem_info_vram_total"),
                "temperature_c": None if degrees is None else degrees / 1000.0,
                "power_w": None if power is None else power / 1e6,
                "parts": None,
                "processes": _amd_processes(sysfs, device),
            }
        )
    return found or None


def _amd_processes(sysfs, device):
    """Return the processes that hold memory of a card, as its compute driver (KFD) tells; None where it does not."""
    nodes = os.path.join(sysfs, "class/kfd/kfd/topology/nodes")
    place = os.path.basename(os.path.realpath(device))
    match = re.match(r"([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.(\d)$", place)
    if match is None:
        return None
    domain, bus, slot, function = (int(each, 16) for each in match.groups())
    location = str(bus << 8 | slot << 3 | function)
    gpu_id = None
    for node in _names(nodes):
        fields = dict(
            line.split(None, 1) for line in _text(os.path.join(nodes, node), "properties").splitlines() if " " in line
        )
        if fields.get("location_id", "").strip() == location and int(fields.get("domain", domain)) == domain:
            gpu_id = _text(os.path.join(nodes, node), "gpu_id")
    if not gpu_id or gpu_id == "0":
        return None
    processes = os.path.join(sysfs, "class/kfd/kfd/proc")
    found = []
    for pid in _names(processes):
        memory = _number_in(os.path.join(processes, pid), "vram_" + gpu_id)
        if pid.isdigit() and memory:
            found.append({"pid": int(pid), "memory": memory})
    return found


def _names(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _text(folder, name):
    try:
        with open(os.path.join(folder, name), "rb") as file:
            return file.read(65536).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _number_in(folder, name):
    text = _text(folder, name)
    return int(text) if re.match(r"-?\d+$", text) else None


def process_facts(pid):
    """Return what is shown of a process: user, name, and `line`, which is itself and its ancestors, each as its pid and
    when it was started, in ticks after the boot. A user of None: nothing of it is shown to us.
    """
    line, at, name = [], pid, ""
    while at > 1 and len(line) < 64:
        try:
            with open("/proc/%d/stat" % at, "rb") as file:
                head, _, rest = file.read().rpartition(b")")
        except OSError:
            break
        fields = rest.split()
        name = name or head.partition(b"(")[2].decode("utf-8", "replace")
        line.append([at, int(fields[19])])
        at = int(fields[1])
    return {"user": _user(pid) if line else _HIDDEN, "name": name, "line": line}


def _user(pid):
    try:
        uid = os.stat("/proc/%d" % pid).st_uid
    except OSError:
        return _HIDDEN
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return str(uid)
