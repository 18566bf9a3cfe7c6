"""A run that is gone on with counts only what came after its last status, and comes to what its records say."""

import json
import time

import pytest

from runicorn.storage.files import LocalFiles
from runicorn.storage.points import PointStore

RECORD = """
import itertools, os, sys
import runicorn as rn
from runicorn.sdk import run as module
module.STATUS_EVERY_SECS = 0.05
run = rn.init(id="r", resume="allow", console=False, system_metrics=False)
run.define_metric("loss", summary="mean,min")
print(run.step, flush=True)
for n in itertools.count():
    run.log({"loss": n % 7 / 8, "acc": n % 5}, step=n % 1000)
    if n == 20_000 and sys.argv[1:] == ["finish"]:
        break
    if n == 20_000:
        print("far", flush=True)
run.finish()
"""


def status_of(script):
    return json.loads((script.root / "runs" / "r" / "status.json").read_bytes())


def check(script):
    """Go on, and compare what the status then says with what the records say."""
    done = script.run(
        """
        import runicorn as rn
        run = rn.init(id="r", resume="must", console=False, system_metrics=False)
        print(run.step)
        run.finish()
        """
    )
    assert done.stdout.split() == ["999"], done.stderr
    status = status_of(script)
    stats = PointStore(LocalFiles(script.root)).stats("r").metrics
    for name, known in stats.items():
        said = status["metrics"][name]
        assert (said["count"], said["last"], said["min"], said["max"]) == (
            known.count, known.last, known.min, known.max
        )  # fmt: skip
        assert (said["last_step"], said["last_time"]) == (known.last_step, known.last_time)
    values = PointStore(LocalFiles(script.root)).read("r", ["loss"]).columns["loss"].value
    assert status["summary"]["loss.mean"] == pytest.approx(values.mean())
    assert status["counted"]["bytes"] == (script.root / "runs" / "r" / "metrics.bin").stat().st_size


@pytest.mark.parametrize("times", [1, 3])
def test_after_a_kill_in_the_middle_of_logging(script, times):
    for _ in range(times):
        process = script.start(RECORD)
        process.stdout.readline()
        assert process.stdout.readline() == "far\n"
        time.sleep(0.02)
        process.kill()
        process.wait(timeout=20)
    check(script)


def test_after_a_clean_end_the_records_are_not_read_again(script):
    script.run(RECORD.replace("sys.argv[1:]", '["finish"]'))
    counted = status_of(script)["counted"]
    path = script.root / "runs" / "r" / "metrics.bin"
    assert counted == {"file": "metrics.bin", "bytes": path.stat().st_size, "names": 2, "highest_step": 999,
                       "sums": counted["sums"]}  # fmt: skip
    check(script)
    data = path.read_bytes()
    path.write_bytes(b"x" * 32 + data[32:])  # the first record is damaged since: nobody has looked
    check_count = status_of(script)["metrics"]["loss"]["count"]
    script.run('import runicorn as rn; rn.init(id="r", resume="must", console=False, system_metrics=False)')
    assert status_of(script)["metrics"]["loss"]["count"] == check_count == 20_001


def test_a_rank_that_took_a_run_over_does_not_count_for_its_file(script):
    """Its status speaks of a file of its own: who goes on with metrics.bin counts that one."""
    script.run(RECORD.replace("sys.argv[1:]", '["finish"]'))
    path = script.root / "runs" / "r" / "status.json"
    status = json.loads(path.read_bytes())
    status["counted"]["file"] = "metrics.rank1.bin"
    status["metrics"]["loss"]["count"] = 5
    path.write_text(json.dumps(status))
    check(script)
