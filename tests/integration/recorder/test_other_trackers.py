"""Scripts that were written for W&B run to their end: what means nothing here says so once."""

import pickle

import pytest
from tests.support.recorded import only_run

import runicorn as rn


@pytest.fixture
def run(tmp_path):
    opened = rn.init("other", root=tmp_path, config={"lr": 0.1})
    yield opened
    opened.finish()


def test_a_script_of_wandbs_runs_to_its_end(script):
    done = script.run(
        """
        import copy
        import runicorn as wandb
        wandb.login(key="abc")
        wandb.require("core")
        wandb.termlog("hello")
        run = wandb.init(project="p", settings=wandb.Settings(start_method="thread", _disable_stats=True))
        wandb.config.setdefaults({"lr": 0.1, "epochs": 3})
        copy.deepcopy(wandb.config).lr
        for _ in range(3):
            run.name = f"{run.name}-x"
            print(run.url)
            run.save("model.pt", policy="now")
            wandb.save("*.py")
            run.log_code(".")
            run.watch(None)
            run.mark_preempting()
        del wandb.config.epochs
        wandb.finish()
        """
    )
    assert done.returncode == 0, done.stderr
    run = only_run(script.root)
    assert run.name.endswith("-x-x-x")
    assert run.config == {"lr": 0.1}
    assert done.stdout.splitlines() == [(script.root / "runs" / run.id).as_uri()] * 3
    for said in ("login()", "run.url", "run.save()", "runicorn: save()", "run.log_code()", "watch()", "hello"):
        assert done.stderr.count(said) == 1, said


@pytest.mark.parametrize("mode", ["online", "disabled"])
def test_a_name_that_nobody_knows_is_still_an_error(tmp_path, mode):
    with rn.init(root=tmp_path, mode=mode) as run:
        for owner in (rn, run, run.config):
            with pytest.raises(AttributeError, match="no_such_name"):
                _ = owner.no_such_name
        assert not hasattr(run, "__array__")
        pickle.loads(pickle.dumps(run))
        assert run.save("x") == []


def test_defaults_leave_what_is_there(run):
    run.config.setdefaults({"lr": 5, "epochs": 3}, batch=2)
    assert dict(run.config) == {"lr": 0.1, "epochs": 3, "batch": 2}


def test_a_name_that_is_not_in_config_cannot_be_taken_out(run):
    with pytest.raises(AttributeError):
        del run.config.nothing
