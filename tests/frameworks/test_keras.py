"""Keras fits a model on jax; the run holds its epochs and batches."""

import pytest

pytest.importorskip("jax")
pytest.importorskip("keras")

import keras
import numpy as np

import runicorn as rn
from runicorn.errors import UsageError
from runicorn.integrations.keras import RunicornCallback


def fit(callback, **options):
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)], name="small")
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=4, decay_rate=0.5)
    model.compile(keras.optimizers.SGD(schedule), loss="mse")
    x = np.ones((16, 2), "float32")
    arguments = {"epochs": 2, "batch_size": 4, "verbose": 0, "callbacks": [callback], **options}
    model.fit(x, x[:, :1], validation_data=(x, x[:, :1]), **arguments)


def test_epochs_are_recorded_with_the_learning_rate(recorded):
    fit(RunicornCallback("vision", name="first"))
    rn.finish()
    run = recorded.run()
    assert (run.project, run.name, run.state.value) == ("vision", "first", "finished")
    assert recorded.metrics() == {"epoch/loss", "epoch/val_loss", "epoch/learning_rate"}
    assert [step for step, _ in recorded.series("epoch/val_loss")] == [0, 1]
    assert [value for _, value in recorded.series("epoch/learning_rate")] == pytest.approx([0.05, 0.025])
    assert (run.config["model"], run.config["epochs"], run.config["backend"]) == ("small", 2, "jax")
    assert (run.config["num_parameters"], run.config["optimizer"]["name"]) == (3, "sgd")


@pytest.mark.parametrize(("log_freq", "steps"), [("batch", list(range(8))), (3, [2, 5])])
def test_batches_are_recorded_when_asked_for(recorded, log_freq, steps):
    fit(RunicornCallback(log_freq=log_freq))
    rn.finish()
    assert [step for step, _ in recorded.series("batch/loss")] == steps


def test_a_fit_that_raises_is_a_failed_run(recorded):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError), rn.init():
        fit(RunicornCallback(), callbacks=[RunicornCallback(), Stop()])
    assert (recorded.run().state.value, recorded.run().exit_reason) == ("failed", "RuntimeError: enough")


def test_another_frequency_is_refused_before_anything_is_trained():
    with pytest.raises(UsageError):
        RunicornCallback(log_freq="second")


@pytest.mark.parametrize(
    ("name", "options", "metric", "said"),
    [
        ("WandbCallback", {"save_model": False, "monitor": "val_loss"}, "epoch/loss", 1),
        ("WandbMetricsLogger", {"log_freq": "batch"}, "batch/loss", 0),
        ("WandbEvalCallback", {}, "epoch/loss", 1),
    ],
)
def test_callbacks_of_wandbs_record_as_ours_do(recorded, capsys, name, options, metric, said):
    rn.init()
    fit(getattr(rn.keras, name)(**options))
    rn.finish()
    assert metric in recorded.metrics()
    assert capsys.readouterr().err.count(f"keras.{name}()") == said


def test_a_checkpoint_of_wandbs_is_keras_own(recorded, tmp_path):
    rn.init()
    fit(rn.keras.WandbModelCheckpoint(str(tmp_path / "model.keras"), save_best_only=False))
    rn.finish()
    assert (tmp_path / "model.keras").exists()
