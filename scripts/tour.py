"""Take a picture of every page, to be looked at: light, dark and narrow.

    python scripts/tour.py FOLDER

What is on show is what people have: a sweep of 120 runs with five seeds and long names, a run with everything, one that
goes on, and a host with runs of its own, which needs root (it is a Unix user) and openssh-server. FOLDER gets
PLACE-LOOK.png; what a page complained of is printed, and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page  # noqa: E402
from tests.support.accounts import make_account  # noqa: E402
from tests.support.browser import connect_by_key, run_chromium, visit  # noqa: E402
from tests.support.growing_runs import growing_run  # noqa: E402
from tests.support.remote import accept, connect, start  # noqa: E402
from tests.support.server import Server, run_server  # noqa: E402
from tests.support.serving import Viewer, run_viewer  # noqa: E402
from tests.support.sweep import EVERYTHING, record_everything, record_sweep  # noqa: E402
from tests.support.sweeps import write_sweep  # noqa: E402

LOOKS = {
    "light": {"width": 1440, "height": 900},
    "dark": {"width": 1440, "height": 900, "dark": True},
    "narrow": {"width": 390, "height": 844, "touch": True},
    "narrow-dark": {"width": 390, "height": 844, "touch": True, "dark": True},
}
WIDE, NARROW = ("light", "dark"), ("narrow", "narrow-dark")
LIVE = "live"
SETTLES_MS = 1500
Act = Callable[[Page, Server], None]
TRAIN = f"""
import math, sys, time, runicorn as rn
config, name = {{"lr": 0.003, "batch_size": 64, "seed": 0}}, "resnet50-imagenet-lr0.003-bs64-live"
with rn.init("vision/resnet50", name=name, id="{LIVE}", root=sys.argv[1], config=config) as run:
    for step in range(3000):
        fallen = math.exp(-step / 300)
        run.log({{"train/loss": fallen, "val/loss": fallen + 0.1, "val/acc": 1 - fallen}})
        run.log({{"lr": 0.003, "epoch": step // 100}})
        time.sleep(0.1)
"""


def search(page: Page, _: Server) -> None:
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").get_by_role("combobox").fill("s3")


def choose_some(page: Page, _: Server) -> None:
    """Take two away from those that nobody has chosen; the others are chosen then."""
    for at in (1, 2):
        page.locator(".row").nth(at).get_by_role("checkbox").click()


def choose_folder(page: Page, server: Server) -> None:
    connect_by_key(page, server)
    page.get_by_role("textbox", name="Folder", exact=True).wait_for()


def browse(page: Page, server: Server) -> None:
    choose_folder(page, server)
    page.get_by_role("button", name="Browse", exact=True).click()


def press(name: str) -> Act:
    """Return what presses a button, whose name begins so."""
    return lambda page, _: page.get_by_role("button", name=re.compile(f"^{name}")).first.click()


# What a place is called, where it is, and what is done there before the picture.
PLACES: dict[str, tuple[str, Act | None]] = {
    "runs": ("#/runs", None),
    "runs-table": ("#/runs", lambda page, _: page.get_by_role("radio", name="Only the table").click()),
    "runs-charts": ("#/runs?show=charts", None),
    "runs-hover": ("#/runs", lambda page, _: page.locator(".chart-over").first.hover()),
    "runs-chosen": ("#/runs", choose_some),
    "columns": ("#/runs", press("Columns")),
    "group-by": ("#/runs", press("Group")),
    "search": ("#/runs", search),
    "keys": ("#/runs", lambda page, _: page.keyboard.press("?")),
    "groups": ("#/runs?group=config.lr", None),
    "groups-of-groups": ("#/runs?group=config.lr,config.batch_size", None),
    "hosts-as-groups": ("#/runs?group=host", None),
    "filter": ("#/runs?q=config.lr<0.01 and name~s[01]$", None),
    "filter-mistake": ("#/runs?q=config.lr <<", None),
    "sorted": ("#/runs?cols=state,config.lr,config.seed,max.val/acc,tags&sort=config.lr,max.val/acc", None),
    "run-charts": (f"#/runs/{LIVE}/charts", None),
    "run-overview": (f"#/runs/{EVERYTHING}/overview", None),
    "run-media": (f"#/runs/{EVERYTHING}/media", None),
    "run-system": (f"#/runs/{LIVE}/system", None),
    "run-console": (f"#/runs/{EVERYTHING}/console", None),
    "artifacts": ("#/artifacts", None),
    "artifact": ("#/artifacts/resnet50-imagenet-best-checkpoint", None),
    "machines": ("#/machines", None),
    "remote": ("#/remote", None),
    "remote-login": ("#/remote", press("Login")),
    "remote-folder": ("#/remote", choose_folder),
    "remote-browse": ("#/remote", browse),
    "no-page": ("#/nowhere", None),
}
# What a telephone has behind another button, or not at all; and what only a telephone has.
LOOKS_OF = dict.fromkeys(("runs-table", "runs-hover", "columns", "group-by", "search", "keys"), WIDE) | {
    "runs-charts": NARROW
}


@contextlib.contextmanager
def training(root: Path) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", TRAIN, str(root)]) as process:
        try:
            yield
        finally:
            process.kill()


def save_host(viewer: Viewer, server: Server) -> None:
    """Connect a host, and save it beside one that is not connected."""
    accept(viewer, connect(viewer, server.login()))
    login = {"authMethod": "key", "privateKeyPath": str(server.key), "remoteRoot": str(server.runs), "mode": "agent"}
    here = {"host": "127.0.0.1", "port": server.sshd.port, "username": server.account.username, "name": "gpu-2"}
    away = {"host": "gpu-7.a-rather-long-name.example", "port": 22, "username": "researcher", "name": "gpu-7"}
    assert viewer.post("/api/remote/connections/saved", [{**here, **login}, away]).json()["ok"] is True
    start(viewer, {**server.login(), "remote_root": str(server.runs), "mode": "agent"})


def take(browser: Browser, viewer: Viewer, server: Server, folder: Path) -> list[str]:
    """Take all pictures; return what pages complained of."""
    complaints = []
    for look, options in LOOKS.items():
        for name, (place, act) in PLACES.items():
            if look not in LOOKS_OF.get(name, LOOKS):
                continue
            with visit(browser, f"{viewer.url}/{place}", **options) as visitor:  # type: ignore[arg-type]
                visitor.page.wait_for_timeout(SETTLES_MS)
                if act:
                    act(visitor.page, server)
                    visitor.page.wait_for_timeout(SETTLES_MS // 2)
                visitor.page.screenshot(path=folder / f"{name}-{look}.png")
                complaints += [f"{name}, {look}: {text}" for text in visitor.complaints]
    return complaints


def main() -> int:
    parser = argparse.ArgumentParser(description="Take a picture of every page: light, dark and narrow.")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        below = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        below.chmod(0o755)
        for name in ("key", "home"):
            (below / name).mkdir()
        root = below / "root"
        record_sweep(root)
        with contextlib.redirect_stdout(io.StringIO()):  # it prints much, as it is to have a long console
            record_everything(root)
        stack.enter_context(training(root))
        account = stack.enter_context(make_account())
        server = stack.enter_context(run_server(account, below / "key"))
        write_sweep(server.runs, 40)
        stack.enter_context(growing_run(server.runs, "on-gpu-2"))
        account.give(server.runs)
        viewer = stack.enter_context(run_viewer(root, below / "home"))
        save_host(viewer, server)
        complaints = take(stack.enter_context(run_chromium()), viewer, server, folder)
    print("\n".join(complaints) or f"{len(list(folder.glob('*.png')))} pictures in {folder}; no page complained")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
