"""A driver's library for GPUs that do not exist, and a tool that tells of them: see nvml.c."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("nvml.c")
# What nvidia-smi prints for these questions, as of driver 550.
SMI = r"""#!/bin/sh
case "$*" in
*query-compute-apps*) echo "GPU-b, {pid}, 1024"; echo "GPU-b, {hidden}, [N/A]";;
*mig.mode.current*) echo "0, GPU-a, NVIDIA A100, 3, 12, 40960, 31, 52.11, Disabled"
echo "1, GPU-b, NVIDIA A100, [N/A], 20480, 40960, 64, [Not Supported], Enabled";;
*) exit 2;;
esac
"""


def build_driver(folder: Path) -> Path:
    """Make a libnvidia-ml.so.1 in a folder, and return that."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C compiler on Linux")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE], check=True, timeout=60)
    return folder
