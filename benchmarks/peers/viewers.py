"""How each viewer is started, and what its page asks it for. Runs in the benchmark's own process, over HTTP."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from peers.client import Client
from peers.samples import GRID_METRICS, GRID_RUNS


class Viewer(ABC):
    """A viewer. packages, module: its environment, and what tells its version.

    answers_last: what it answers once it has loaded all it has, where it shows its page before that.
    """

    packages: tuple[str, ...] = ()
    module = "runicorn"
    answers_last: str | None = None

    @abstractmethod
    def command(self, python: Path, folder: Path, port: int) -> list[str]:
        """Return what starts it on a port."""

    def environ(self, folder: Path) -> dict[str, str]:
        """Return what it reads from the environment."""
        return {}

    @abstractmethod
    def run_names(self, client: Client) -> int:
        """Ask for the list of runs as the page shows it; return how many there are."""

    @abstractmethod
    def curve(self, client: Client) -> int:
        """Ask for the curve to draw; return the last step that it holds, -1 where it is not there yet."""

    @abstractmethod
    def grid(self, client: Client) -> int:
        """Ask for all curves of ten runs; return how many of them have points."""

    @abstractmethod
    def newest(self, client: Client) -> int:
        """Return the newest step of the live run, -1 where it is not there yet."""


class Runicorn(Viewer):
    answers_last = "/api/health"

    def command(self, python: Path, folder: Path, port: int) -> list[str]:
        return [str(python), "-m", "runicorn", "viewer", "--root", str(folder), "--port", str(port), "--no-browser"]

    def environ(self, folder: Path) -> dict[str, str]:
        return {"RUNICORN_HOME": str(folder.parent / f"{folder.name}-home")}

    def run_names(self, client: Client) -> int:
        body = client.get("/api/runs?limit=200")
        return 0 if body["indexing"] else int(body["total"])

    def curve(self, client: Client) -> int:
        (line,) = self._lines(client, self._ids(client)[:1], ["loss"], 2000)
        return int(line.get("last_step", -1))

    def grid(self, client: Client) -> int:
        names = [f"metric{at:03d}" for at in range(GRID_METRICS)]
        return sum(line["count"] > 0 for line in self._lines(client, self._ids(client)[:GRID_RUNS], names, 1000))

    def newest(self, client: Client) -> int:
        ids = self._ids(client)
        lines = self._lines(client, ids[:1], ["loss"], 100) if ids else []
        return int(lines[0].get("last_step", -1)) if lines else -1

    def _ids(self, client: Client) -> list[str]:
        if not client.known:
            client.known = [run["id"] for run in client.get("/api/runs?limit=200")["runs"]]
        return client.known

    def _lines(self, client: Client, runs: list[str], metrics: list[str], points: int) -> list[dict[str, Any]]:
        question = {"runs": runs, "charts": [{"metric": metric} for metric in metrics], "points": points}
        return [head for head in client.frames("/api/lines", question) if "chart" in head]


class TensorBoard(Viewer):
    packages = ("tensorboard", "tensorboardX", "numpy", "setuptools<81")
    module = "tensorboard"

    def command(self, python: Path, folder: Path, port: int) -> list[str]:
        command = [str(python), "-m", "tensorboard.main", "--logdir", str(folder), "--port", str(port)]
        return [*command, "--host", "127.0.0.1"]

    def run_names(self, client: Client) -> int:
        return len(client.get("/data/plugin/scalars/tags"))

    def curve(self, client: Client) -> int:
        return self._last(client, "curve")

    def grid(self, client: Client) -> int:
        runs = [f"grid-{number}" for number in range(GRID_RUNS)]
        found = 0
        for at in range(GRID_METRICS):
            body = client.form(
                "/data/plugin/scalars/scalars_multirun", [("tag", f"metric{at:03d}")] + [("runs", r) for r in runs]
            )
            found += sum(bool(points) for points in body.values())
        return found

    def newest(self, client: Client) -> int:
        return self._last(client, "live")

    def _last(self, client: Client, run: str) -> int:
        body = client.get(f"/data/plugin/scalars/scalars?run={run}&tag=loss", missing=[])
        return int(body[-1][1]) if body else -1


class Trackio(Viewer):
    packages = ("trackio",)
    module = "trackio"

    def command(self, python: Path, folder: Path, port: int) -> list[str]:
        code = (
            f"import trackio; trackio.show('bench', open_browser=False, block_thread=True, server_port={port}, "
            "host='127.0.0.1')"
        )
        return [str(python), "-c", code]

    def environ(self, folder: Path) -> dict[str, str]:
        return {"TRACKIO_DIR": str(folder), "HF_HUB_OFFLINE": "1"}

    def run_names(self, client: Client) -> int:
        runs = client.call("get_runs_for_project", project="bench")
        client.call("get_run_configs", project="bench")
        return len(runs)

    def curve(self, client: Client) -> int:
        return self._last(self._logs(client, ["curve"]))

    def grid(self, client: Client) -> int:
        runs = [f"grid-{number}" for number in range(GRID_RUNS)]
        return sum(
            len({key for row in one["logs"] for key in row if key.startswith("metric")})
            for one in self._logs(client, runs)
        )

    def newest(self, client: Client) -> int:
        return self._last(self._logs(client, ["live"]))

    def _logs(self, client: Client, runs: list[str]) -> list[dict[str, Any]]:
        wanted = [{"run": run} for run in runs]
        found: list[dict[str, Any]] = client.call(
            "get_logs_batch", project="bench", runs=wanted, max_points=3000, scalar_only=True
        )
        return found

    def _last(self, found: list[dict[str, Any]]) -> int:
        logs = found[0]["logs"] if found else []
        return int(logs[-1]["step"]) if logs else -1


VIEWERS: dict[str, Viewer] = {"runicorn": Runicorn(), "tensorboard": TensorBoard(), "trackio": Trackio()}
