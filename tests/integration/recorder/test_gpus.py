"""GPUs are read through NVIDIA's own Python library; only the driver's shared library is a stand-in."""

import json
import subprocess
import sys

import pytest
from tests.support.nvidia import build_driver

READ = """
import json
from runicorn.sdk.system.gpus import GpuReader
reader = GpuReader()
print(json.dumps(reader.read()))
reader.close()
"""


@pytest.fixture
def driver(tmp_path):
    """Return a folder with a libnvidia-ml.so.1 that knows two GPUs."""
    return build_driver(tmp_path)


def test_each_gpu_is_read_and_what_it_does_not_tell_is_left_out(script, driver):
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env=script.environ(LD_LIBRARY_PATH=str(driver)),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "system/gpu0_percent": 40.0, "system/gpu0_memory_used_mib": 256.0, "system/gpu0_memory_percent": 25.0,
        "system/gpu0_temperature_c": 60.0, "system/gpu0_power_w": 150.5,
        "system/gpu1_percent": 41.0, "system/gpu1_memory_used_mib": 256.0, "system/gpu1_memory_percent": 25.0,
        "system/gpu1_temperature_c": 61.0,
    }  # fmt: skip


def test_a_machine_without_a_driver_has_no_gpus_and_no_complaint(script):
    done = script.run(
        """
        from runicorn.sdk.system.gpus import GpuReader
        try:
            GpuReader()
        except OSError as error:
            print(error)
        """
    )
    assert done.returncode == 0, done.stderr
