"""A real torchrun starts the ranks: into one run, into several of a group, and again after one died."""

import os
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("torch")

TIMEOUT_SECS = 120
GROUP = """
        import torch
        import torch.distributed as dist
        import runicorn as rn

        dist.init_process_group("gloo")
        rank, ranks = dist.get_rank(), dist.get_world_size()
"""


@pytest.fixture
def torchrun(recorded, tmp_path):
    """Return what runs a script on several ranks."""

    def start(code, ranks=2, restarts=0):
        script = tmp_path / "train.py"
        script.write_text(textwrap.dedent(code))
        options = ("--standalone", f"--nproc-per-node={ranks}", f"--max-restarts={restarts}", "--monitor-interval=0.1")
        return subprocess.run(
            [sys.executable, "-m", "torch.distributed.run", *options, str(script)],
            env={**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECS,
            check=False,
        )

    return start


def test_all_ranks_of_a_job_record_into_one_run(recorded, torchrun):
    done = torchrun(
        GROUP
        + """
        run = rn.init("ddp", id="job", resume="allow", config={"ranks": ranks})
        for step in range(50):
            loss = torch.tensor(float(rank + step))
            dist.all_reduce(loss)
            rn.log({f"rank{rank}/loss": float(rank), "loss": loss}, step=step)
        dist.barrier()
        dist.destroy_process_group()
        """,
        ranks=4,
    )
    assert done.returncode == 0, done.stderr
    run = recorded.run()
    assert (run.state.value, run.config) == ("finished", {"ranks": 4})
    for rank in range(4):
        assert recorded.series(f"rank{rank}/loss") == [(step, float(rank)) for step in range(50)]
    assert sorted(recorded.series("loss")) == sorted((step, 6.0 + 4 * step) for step in range(50) for _ in range(4))


def test_each_rank_may_have_a_run_of_its_own_in_a_group(recorded, torchrun):
    done = torchrun(
        GROUP
        + """
        run = rn.init("ddp", name=f"rank {rank}", group="job", job_type="train")
        for step in range(20):
            rn.log({"loss": float(rank)}, step=step)
        dist.barrier()
        dist.destroy_process_group()
        """
    )
    assert done.returncode == 0, done.stderr
    runs = sorted(recorded.runs(), key=lambda run: run.name)
    assert [(run.name, run.group, run.job_type, run.state.value) for run in runs] == [
        (f"rank {rank}", "job", "train", "finished") for rank in range(2)
    ]
    for rank, run in enumerate(runs):
        assert recorded.series("loss", run) == [(step, float(rank)) for step in range(20)]


# torchrun ends the ranks that still live with SIGTERM; which of them owns the run is chance, so that each is tried.
# They meet by files: a process group of gloo does not always come up again after a restart.
DIES = """
import os, pathlib, time
import runicorn as rn

rank, life = int(os.environ["RANK"]), int(os.environ["TORCHELASTIC_RESTART_COUNT"])

def meet(name):
    pathlib.Path(f"{{name}}-{{life}}-{{rank}}").touch()
    deadline = time.monotonic() + 30
    while not all(pathlib.Path(f"{{name}}-{{life}}-{{other}}").exists() for other in range(2)):
        assert time.monotonic() < deadline
        time.sleep(0.01)

if rank != {first}:
    meet("opened")
run = rn.init("ddp", id="job", resume="allow")
if rank == {first}:
    meet("opened")
for step in range(20):
    rn.log({{f"rank{{rank}}/loss": float(step)}}, step=step)
meet("logged")
if not life:
    if rank == 1:
        raise ValueError("diverged on a rank")
    time.sleep(30)
"""


@pytest.mark.parametrize("first", [0, 1])
def test_a_rank_that_dies_makes_the_run_a_failed_one_with_its_reason(recorded, torchrun, first):
    done = torchrun(DIES.format(first=first))
    assert done.returncode != 0
    run = recorded.run()
    assert run.state.value == "failed"
    assert "ValueError: diverged on a rank" in (run.exit_reason or "")
    for rank in range(2):
        assert recorded.series(f"rank{rank}/loss") == [(step, float(step)) for step in range(20)]
    told = recorded.console() + "".join(event["text"] for event in recorded.events(kind="alert"))
    assert 'raise ValueError("diverged on a rank")' in told


@pytest.mark.parametrize("first", [0, 1])
def test_a_job_that_torchrun_starts_again_goes_on_in_its_run(recorded, torchrun, first):
    done = torchrun(DIES.format(first=first), restarts=1)
    assert done.returncode == 0, done.stderr
    run = recorded.run()
    assert (run.state.value, run.exit_reason) == ("finished", None)
    assert len(recorded.events(kind="resume")) == 1
    for rank in range(2):
        assert sorted(value for _, value in recorded.series(f"rank{rank}/loss")) == sorted([*map(float, range(20))] * 2)
