"""Lightning trains; the run holds its metrics, hyperparameters and checkpoints, and ends as the fit did."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

import lightning.pytorch
import pytorch_lightning
import torch

import runicorn as rn
from runicorn.integrations.lightning import RunicornLogger


def model_of(package, fail_at=None):
    class Model(package.LightningModule):
        def __init__(self, lr=0.1, layers=(1, 2)):
            super().__init__()
            self.save_hyperparameters()
            self.net = torch.nn.Linear(2, 1)

        def training_step(self, batch, index):
            if self.global_step == fail_at:
                raise ValueError("the loss is gone")
            loss = self.net(batch[0]).square().mean()
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch, index):
            self.log("val_loss", self.net(batch[0]).square().mean())

        def test_step(self, batch, index):
            self.log("test_loss", self.net(batch[0]).square().mean())

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)

    return Model()


def batches():
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(16, 2)), batch_size=4)


def trainer_of(package, logger, **options):
    return package.Trainer(
        logger=logger,
        max_epochs=2,
        log_every_n_steps=1,
        accelerator="cpu",
        devices=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )


@pytest.mark.parametrize("package", [lightning.pytorch, pytorch_lightning], ids=["lightning", "pytorch_lightning"])
def test_a_fit_and_a_test_are_one_run(recorded, package):
    trainer = trainer_of(package, RunicornLogger(name="first", project="vision"), enable_checkpointing=False)
    model = model_of(package)
    trainer.fit(model, batches(), batches())
    trainer.test(model, batches())
    rn.finish()
    run = recorded.run()
    assert (run.project, run.name, run.state.value) == ("vision", "first", "finished")
    assert run.config == {"lr": 0.1, "layers": [1, 2]}
    assert [step for step, _ in recorded.series("train_loss")] == list(range(8))
    assert [step for step, _ in recorded.series("val_loss")] == [3, 7]
    assert [step for step, _ in recorded.series("test_loss")] == [8]
    assert recorded.metrics() == {"train_loss", "val_loss", "test_loss", "epoch"}


def test_the_logger_is_what_both_packages_take_for_one(recorded):
    logger = RunicornLogger()
    assert isinstance(logger, lightning.pytorch.loggers.Logger)
    assert isinstance(logger, pytorch_lightning.loggers.Logger)


def test_checkpoints_lie_where_lightning_keeps_its_files_and_are_kept_as_versions(recorded):
    logger = RunicornLogger(project="vision", log_model="all")
    best = lightning.pytorch.callbacks.ModelCheckpoint(monitor="val_loss", save_top_k=1, every_n_epochs=1)
    trainer = trainer_of(lightning.pytorch, logger, callbacks=[best])
    trainer.fit(model_of(lightning.pytorch), batches(), batches())
    assert trainer.log_dir == "lightning_logs"
    run = logger.experiment
    folder = Path("lightning_logs") / "vision" / run.id / "checkpoints"
    assert Path(best.best_model_path).parent == folder
    kept = run.use_artifact(f"model-{run.id}:best")
    assert kept.get_path("model.ckpt").read_bytes() == Path(best.best_model_path).read_bytes()
    assert kept.metadata["monitor"] == "val_loss"
    assert kept.metadata["score"] == pytest.approx(float(best.best_model_score))


def test_at_the_end_only_what_is_left_is_kept(recorded):
    logger = RunicornLogger(log_model=True)
    trainer_of(lightning.pytorch, logger).fit(model_of(lightning.pytorch), batches(), batches())
    run = logger.experiment
    assert [file.path for file in run.use_artifact(f"model-{run.id}").files] == ["model.ckpt"]
    assert len([event for event in recorded.events(run) if event.get("action") == "log"]) == 1


def test_a_fit_that_raises_leaves_a_failed_run_even_if_the_script_goes_on(recorded):
    trainer = trainer_of(lightning.pytorch, RunicornLogger(), enable_checkpointing=False)
    with pytest.raises(ValueError, match="the loss is gone"):
        trainer.fit(model_of(lightning.pytorch, fail_at=3), batches())
    rn.finish()
    run = recorded.run()
    assert (run.state.value, run.exit_reason) == ("failed", "ValueError: the loss is gone")
    assert [step for step, _ in recorded.series("train_loss")] == [0, 1, 2]


def test_a_second_try_that_succeeds_makes_up_for_it(recorded):
    logger = RunicornLogger()
    with pytest.raises(ValueError, match="the loss is gone"):
        trainer_of(lightning.pytorch, logger, enable_checkpointing=False).fit(
            model_of(lightning.pytorch, fail_at=1), batches()
        )
    trainer_of(lightning.pytorch, logger, enable_checkpointing=False).fit(model_of(lightning.pytorch), batches())
    rn.finish()
    assert recorded.run().state.value == "finished"


def test_a_run_that_is_open_is_used_and_a_prefix_is_put_before(recorded):
    with rn.init(name="mine", config={"seed": 1}) as run:
        trainer = trainer_of(lightning.pytorch, RunicornLogger(prefix="a"), enable_checkpointing=False)
        trainer.fit(model_of(lightning.pytorch), batches())
    assert recorded.run().id == run.id
    assert recorded.run().config == {"seed": 1, "lr": 0.1, "layers": [1, 2]}
    assert recorded.metrics() == {"a-train_loss", "a-epoch"}


def test_a_run_that_exists_goes_on_by_its_version(recorded):
    for _ in range(2):
        trainer_of(lightning.pytorch, RunicornLogger(version="same"), enable_checkpointing=False).fit(
            model_of(lightning.pytorch), batches()
        )
        rn.finish()
    assert recorded.run().id == "same"
    assert [step for step, _ in recorded.series("train_loss")] == [*range(8), *range(8)]


@pytest.mark.timeout(100)
@pytest.mark.parametrize("strategy", ["ddp", "ddp_spawn"])
def test_of_two_ranks_one_records(recorded, tmp_path, strategy):
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import torch, lightning.pytorch as pl
            from runicorn.integrations.lightning import RunicornLogger

            class Model(pl.LightningModule):
                def __init__(self, lr=0.1):
                    super().__init__()
                    self.save_hyperparameters()
                    self.net = torch.nn.Linear(2, 1)
                def training_step(self, batch, index):
                    loss = self.net(batch[0]).square().mean()
                    self.log("train_loss", loss, sync_dist=True)
                    return loss
                def configure_optimizers(self):
                    return torch.optim.SGD(self.parameters(), lr=0.1)

            if __name__ == "__main__":
                data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(16, 2)), batch_size=4)
                trainer = pl.Trainer(logger=RunicornLogger(name="two"), accelerator="cpu", devices=2, max_epochs=1,
                                     strategy="{strategy}", log_every_n_steps=1, enable_progress_bar=False)
                trainer.fit(Model(), data)
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(script)], env=os.environ, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    run = recorded.run()
    assert (run.name, run.state.value, run.config) == ("two", "finished", {"lr": 0.1})
    assert [step for step, _ in recorded.series("train_loss")] == [0, 1]


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_a_fit_that_ctrl_c_ends_was_killed(recorded, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, signal, torch, lightning.pytorch as pl
            from runicorn.integrations.lightning import RunicornLogger

            class Model(pl.LightningModule):
                def __init__(self):
                    super().__init__()
                    self.net = torch.nn.Linear(2, 1)
                def training_step(self, batch, index):
                    if index == 2:
                        os.kill(os.getpid(), signal.SIGINT)
                    loss = self.net(batch[0]).square().mean()
                    self.log("train_loss", loss)
                    return loss
                def configure_optimizers(self):
                    return torch.optim.SGD(self.parameters(), lr=0.1)

            data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(40, 2)), batch_size=4)
            pl.Trainer(logger=RunicornLogger(), accelerator="cpu", max_epochs=1, log_every_n_steps=1,
                       enable_checkpointing=False, enable_progress_bar=False).fit(Model(), data)
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(script)], env=os.environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert (recorded.run().state.value, recorded.run().exit_reason) == ("killed", "KeyboardInterrupt")
