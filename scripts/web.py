"""Run the page's own tools with the node of this environment: `python scripts/web.py test|build`."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import hatch_build  # noqa: E402

PROGRAMS = {
    "test": (("node_modules/typescript/bin/tsc", "--noEmit"), ("node_modules/vitest/vitest.mjs", "run")),
    "build": (("node_modules/vite/bin/vite.js", "build"),),
}


def main() -> int:
    """Return the first exit code that is not 0."""
    web = ROOT / "web"
    hatch_build.install_packages(web)
    for program in PROGRAMS[sys.argv[1]]:
        code = subprocess.run([str(hatch_build.node_program()), *program], cwd=web, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
