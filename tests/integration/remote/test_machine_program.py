"""What tells of a machine: by drivers that answer, are slow, hang or hide, on every Python, and with nothing left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.agents import ShellConnection, pythons
from tests.support.nvidia import SMI, build_driver
from tests.support.waiting import eventually

from runicorn.errors import NoPythonError
from runicorn.remote.server.agent import command
from runicorn.remote.server.machine import client, gpus

PYTHONS = pythons()
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_driver(tmp_path_factory.mktemp("driver"))


@pytest.fixture
def start(driver: Path) -> Iterator[Callable[..., client.Machine]]:
    with ExitStack() as stack:

        def begin(**environ: str) -> client.Machine:
            connection = ShellConnection({"LD_LIBRARY_PATH": str(driver), **environ})
            machine = client.start(lambda text, stdin: connection.start(text, stdin=stdin))
            stack.callback(machine.close)
            return machine

        yield begin


def ask(machine: client.Machine, *paths: str, wait_secs: float = 2.0) -> dict[str, Any]:
    return machine.ask(paths, wait_secs, 10.0)


def processes_of(told: dict[str, Any]) -> list[psutil.Process]:
    """Return the program, and what it started."""
    program = psutil.Process(told["pid"])
    return [program, *program.children(recursive=True)]


@pytest.mark.parametrize("version", PYTHONS)
def test_gpus_are_told_with_who_is_on_them(
    version: str, start: Callable[..., client.Machine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_PYTHONS", (PYTHONS[version],))
    told = ask(start(TEST_NVML_PID=str(os.getpid())), str(tmp_path), "/not-there")
    assert told["gpus"]["value"]["by"] == "nvml"
    first, second = told["gpus"]["value"]["gpus"]
    assert (first["name"], first["id"], first["busy_percent"], first["temperature_c"], first["power_w"]) == (
        "Test GPU 0", "GPU-test-0", 40, 60, 150.5,
    )  # fmt: skip
    assert (first["memory_used"], first["memory_total"], first["parts"]) == (256 * 2**20, 1024 * 2**20, None)
    (process,) = first["processes"]
    me = psutil.Process()
    assert (process["pid"], process["memory"], process["user"]) == (os.getpid(), 200 * 2**20, me.username())
    assert [pid for pid, _ in process["line"]] == [os.getpid(), *(each.pid for each in me.parents() if each.pid > 1)]
    assert (second["power_w"], second["processes"]) == (None, [])
    assert told["disks"]["value"][str(tmp_path)]["total"] == psutil.disk_usage(str(tmp_path)).total
    assert told["disks"]["value"]["/not-there"] == {"error": "No such file or directory"}
    assert told["memory"]["total"] == psutil.virtual_memory().total
    assert (told["cpus"], len(told["load"])) == (os.cpu_count(), 3)


def test_a_gpu_that_is_parted_tells_of_its_parts(start: Callable[..., client.Machine]) -> None:
    first, second = ask(start(TEST_NVML="mig", TEST_NVML_PID=str(os.getpid())))["gpus"]["value"]["gpus"]
    assert first["busy_percent"] is None
    assert [(part["name"], part["process_count"]) for part in first["parts"]] == [("Test GPU MIG 1g.5gb 7", 1)] * 2
    assert [process["pid"] for process in first["processes"]] == [os.getpid()]
    assert second["parts"] is None


def test_a_late_answer_is_not_taken_for_that_to_the_next_question(start: Callable[..., client.Machine]) -> None:
    machine = start(TEST_NVML="slow")
    for number in range(3):
        with pytest.raises(TimeoutError):
            machine.ask([f"/{number}"], 5.0, 0.01)
    assert list(ask(machine, "/", wait_secs=5.0)["disks"]["value"]) == ["/"]
    told = ask(machine, "/tmp", wait_secs=5.0)
    assert list(told["disks"]["value"]) == ["/tmp"]


def test_of_a_process_that_is_hidden_nothing_is_said(start: Callable[..., client.Machine]) -> None:
    first, _ = ask(start(TEST_NVML_PID="99999999"))["gpus"]["value"]["gpus"]
    (process,) = first["processes"]
    assert (process["user"], process["name"], process["line"]) == (None, "", [])


def test_a_machine_without_gpus_has_none_and_one_without_a_driver_says_so(
    start: Callable[..., client.Machine], tmp_path: Path
) -> None:
    assert ask(start(LD_LIBRARY_PATH=str(tmp_path)))["gpus"]["value"] == {"by": None, "gpus": []}
    assert ask(start(TEST_NVML="none"))["gpus"]["error"] == "the driver says: Driver Not Loaded"


def test_a_driver_that_hangs_is_asked_once_and_holds_up_nothing(
    start: Callable[..., client.Machine], tmp_path: Path
) -> None:
    machine = start(TEST_NVML="hang")
    began = time.monotonic()
    first = ask(machine, str(tmp_path), wait_secs=0.5)
    assert first["disks"]["value"][str(tmp_path)]["free"] > 0
    before = processes_of(first)
    for _ in range(3):
        told = ask(machine, str(tmp_path), wait_secs=0.2)
        assert told["disks"]["age_secs"] < 0.5
    assert time.monotonic() - began < 5
    assert told["gpus"]["value"] is None
    assert told["gpus"]["waits_secs"] > 0.5
    assert processes_of(told) == before, "no second one is started"
    machine.close()
    _, alive = psutil.wait_procs(before, 5)
    assert not alive


def test_a_driver_that_is_slow_is_told_when_it_answers(start: Callable[..., client.Machine]) -> None:
    machine = start(TEST_NVML="slow")
    assert ask(machine, wait_secs=0.5)["gpus"]["value"] is None
    told = eventually(lambda: (each := ask(machine, wait_secs=0.5))["gpus"]["value"] and each, 15)
    assert len(told["gpus"]["value"]["gpus"]) == 2
    assert told["gpus"]["error"] is None


def test_what_asks_the_driver_may_die(start: Callable[..., client.Machine], tmp_path: Path) -> None:
    machine = start(TEST_NVML="hang")
    before = processes_of(ask(machine, wait_secs=0.2))
    hanging = min(before[1:], key=lambda each: each.create_time())
    hanging.kill()
    told = eventually(lambda: (each := ask(machine, str(tmp_path)))["gpus"]["error"] and each, 10)
    assert told["gpus"]["error"] == "what asks for it has ended"
    assert told["disks"]["value"][str(tmp_path)]["free"] > 0
    assert ask(machine)["gpus"]["error"] == "what asks for it has ended"


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_of_it_when_it_is_ended(ending: signal.Signals, start: Callable[..., client.Machine]) -> None:
    machine = start(TEST_NVML="hang")
    found = processes_of(ask(machine, wait_secs=0.2))
    os.kill(found[0].pid, ending)
    _, alive = psutil.wait_procs(found, 5)
    assert not alive
    with pytest.raises(ConnectionResetError):
        ask(machine)
    assert not machine.alive


def test_it_ends_when_nobody_has_asked_for_its_lease(
    start: Callable[..., client.Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = zlib.decompress(client.packed_program())
    assert b"LEASE_SECS = 60" in source
    shorter = zlib.compress(source.replace(b"LEASE_SECS = 60", b"LEASE_SECS = 2"))
    monkeypatch.setattr(client, "packed_program", lambda: shorter)
    machine = start(TEST_NVML="hang")
    found = processes_of(ask(machine, wait_secs=0.2))
    _, alive = psutil.wait_procs(found, 8)
    assert not alive
    assert not machine.alive


def test_without_any_python_it_says_so(start: Callable[..., client.Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_PYTHONS", ("/not-there/python3",))
    with pytest.raises(NoPythonError):
        start()


def test_where_the_library_is_missing_nvidia_smi_is_asked(start: Callable[..., client.Machine], tmp_path: Path) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(SMI.format(pid=os.getpid(), hidden=99999999))
    tool.chmod(0o755)
    told = ask(start(LD_LIBRARY_PATH=str(tmp_path), PATH=f"{tmp_path}:{os.environ['PATH']}"))["gpus"]["value"]
    assert told["by"] == "nvidia-smi"
    first, second = told["gpus"]
    assert (first["busy_percent"], first["memory_used"], first["power_w"], first["processes"]) == (
        3, 12 * 2**20, 52.11, [],
    )  # fmt: skip
    assert (second["busy_percent"], second["temperature_c"], second["power_w"], second["parts"]) == (None, 64, None, [])
    assert [(each["pid"], each["memory"], each["user"]) for each in second["processes"]] == [
        (os.getpid(), 1024 * 2**20, psutil.Process().username()), (99999999, None, None),
    ]  # fmt: skip


def test_amd_cards_are_read_from_sysfs(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        write_amd(tmp_path, process.pid)
        found = gpus.Gpus(str(tmp_path))._by_sysfs()
    finally:
        process.communicate(b"\n", 10)
    (card,) = found
    assert card == {
        "index": 0, "id": "abcdef", "name": "AMD Instinct MI210", "busy_percent": 97, "memory_used": 1000,
        "memory_total": 4000, "temperature_c": 71.0, "power_w": 300.0, "parts": None,
        "processes": [{"pid": process.pid, "memory": 900}],
    }  # fmt: skip


def write_amd(sysfs: Path, pid: int) -> None:
    """Write what the kernel shows of one AMD card at 0000:c1:00.0, beside a graphics chip of somebody else's."""
    device = sysfs / "devices/0000:c1:00.0"
    files = {
        device: {
            "vendor": "0x1002\n", "unique_id": "abcdef\n", "product_name": "AMD Instinct MI210\n",
            "gpu_busy_percent": "97\n", "mem_info_vram_used": "1000\n", "mem_info_vram_total": "4000\n",
        },
        device / "hwmon/hwmon3": {"temp1_input": "71000\n", "power1_average": "300000000\n"},
        sysfs / "devices/0000:00:02.0": {"vendor": "0x8086\n"},
        sysfs / "class/kfd/kfd/topology/nodes/0": {"gpu_id": "0\n", "properties": "location_id 0\n"},
        sysfs / "class/kfd/kfd/topology/nodes/1": {
            "gpu_id": "4711\n", "properties": f"cpu_cores_count 0\nlocation_id {0xC1 << 8}\ndomain 0\n",
        },
        sysfs / f"class/kfd/kfd/proc/{pid}": {"vram_4711": "900\n"},
        sysfs / "class/kfd/kfd/proc/1": {"vram_4711": "0\n"},
    }  # fmt: skip
    for folder, contents in files.items():
        folder.mkdir(parents=True)
        for name, text in contents.items():
            (folder / name).write_text(text)
    for card, name in (("card0", "0000:00:02.0"), ("card1", "0000:c1:00.0")):
        (sysfs / "class/drm" / card).mkdir(parents=True)
        (sysfs / "class/drm" / card / "device").symlink_to(sysfs / "devices" / name)
