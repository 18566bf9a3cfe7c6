"""watch() records histograms of a real model's gradients and parameters, and never disturbs its training."""

import copy
import pickle

import pytest

pytest.importorskip("torch")

import torch

import runicorn as rn
from runicorn.errors import UsageError
from runicorn.integrations.torch import histogram, unwatch, watch


@pytest.fixture(autouse=True)
def nothing_watched():
    yield
    unwatch()


def train(model, steps=4):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(steps):
        loss = model(torch.randn(8, 2)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rn.log({"loss": loss}, step=step)


def steps_by_key(events):
    found = {}
    for event in events:
        found.setdefault(event["key"], []).append(event["step"])
    return found


@pytest.mark.parametrize(
    ("log", "groups"),
    [("gradients", {"gradients"}), ("parameters", {"parameters"}), ("all", {"gradients", "parameters"})],
)
def test_each_parameter_has_its_histograms_at_the_step_of_its_loss(recorded, log, groups):
    model = torch.nn.Linear(2, 1)
    with rn.init() as run:
        watch(model, log=log, log_freq=2)
        train(model)
    found = steps_by_key(recorded.events(kind="histogram"))
    assert found == {f"{group}/{name}": [0, 2] for group in groups for name in ("weight", "bias")}
    assert [step for step, _ in recorded.series("loss")] == [0, 1, 2, 3]
    assert run.warnings.counts() == {}


def test_counts_are_of_all_values(recorded):
    model = torch.nn.Linear(50, 20)
    with rn.init():
        watch(model, log="parameters", log_freq=1)
        model(torch.randn(3, 50)).sum().backward()
    (item,) = next(event for event in recorded.events() if event["key"] == "parameters/weight")["items"]
    assert sum(item["counts"]) == 1000
    assert item["edges"][0] == pytest.approx(float(model.weight.min()))
    assert item["edges"][-1] == pytest.approx(float(model.weight.max()))


def test_unwatch_ends_it(recorded):
    model = torch.nn.Linear(2, 1)
    with rn.init():
        watch(model, log_freq=1)
        unwatch(model)
        train(model)
    assert recorded.events() == []


def test_a_watched_model_can_be_copied_and_saved(recorded, tmp_path):
    model = torch.nn.Linear(2, 1)
    with rn.init():
        rn.watch(model, torch.nn.MSELoss(), "all", 1, log_graph=False)  # as a W&B script calls it
        copied = copy.deepcopy(model)
        torch.save(model, tmp_path / "model.pt")
        pickle.loads(pickle.dumps(model))
        copied(torch.randn(3, 2)).sum().backward()
    assert recorded.events() == []


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(5),
        torch.tensor([1.0, float("nan"), float("inf")]),
        torch.ones(4, dtype=torch.bfloat16),
        torch.ones(4, dtype=torch.float16),
        torch.randn(3, dtype=torch.float64),
        torch.eye(3).to_sparse(),
        torch.ones(3, dtype=torch.complex64),
    ],
    ids=["equal", "not finite", "bfloat16", "float16", "float64", "sparse", "complex"],
)
def test_every_tensor_has_a_histogram(tensor):
    found = histogram(tensor)
    counts, edges = found.np_histogram
    assert len(edges) == len(counts) + 1
    assert sum(counts) > 0
    assert edges == sorted(edges)


def test_a_tensor_without_finite_values_has_none():
    assert histogram(torch.full((3,), float("nan"))) is None


def test_without_a_run_training_goes_on():
    model = torch.nn.Linear(2, 1)
    watch(model, log_freq=1)
    rn.finish()
    model(torch.randn(3, 2)).sum().backward()


def test_several_models_are_told_apart(recorded):
    first, second = torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 1, bias=False)
    with rn.init():
        watch([first, second], log_freq=1)
        second(first(torch.randn(3, 2))).sum().backward()
    assert {event["key"] for event in recorded.events()} == {"gradients/model_0/weight", "gradients/model_1/weight"}


@pytest.mark.parametrize(("models", "log", "every"), [("x", "all", 1), (None, "x", 1), (None, "all", 0)])
def test_what_cannot_be_watched_is_refused(models, log, every):
    with pytest.raises(UsageError):
        watch(models or torch.nn.Linear(1, 1), log=log, log_freq=every)


@pytest.mark.filterwarnings("error")
def test_a_loss_that_has_a_gradient_is_recorded_without_a_word(recorded):
    with rn.init():
        rn.log({"loss": torch.tensor(1.5, requires_grad=True) * 1})
    assert recorded.series("loss") == [(0, 1.5)]


def test_numbers_of_torch_jax_and_numpy_are_numbers(recorded):
    jax = pytest.importorskip("jax")
    import numpy as np

    with rn.init():
        rn.log(
            {
                "torch": torch.tensor(1.5, requires_grad=True),
                "torch one": torch.tensor([[1.5]]),
                "torch half": torch.tensor(1.5, dtype=torch.bfloat16),
                "torch parameter": torch.nn.Parameter(torch.tensor(1.5)),
                "torch integer": torch.tensor(1),
                "torch bool": torch.tensor(True),
                "jax": jax.numpy.asarray(1.5),
                "jax half": jax.numpy.asarray(1.5, dtype="bfloat16"),
                "jax one": jax.numpy.ones((1,)) * 1.5,
                "numpy": np.float32(1.5),
                "numpy one": np.array([1.5]),
                "nan": torch.tensor(float("nan")),
            },
            step=torch.tensor(7),
        )
    integers = {"torch integer", "torch bool"}
    for name in recorded.metrics() - {"nan"} - integers:
        assert recorded.series(name) == [(7, 1.5)], name
    for name in integers:
        assert recorded.series(name) == [(7, 1.0)], name
    assert len(recorded.metrics()) == 12
    assert recorded.warnings() == {}


def test_the_runs_own_watch_is_the_same_and_raises_nothing(recorded, capsys):
    with rn.init() as run:
        model = torch.nn.Linear(2, 1)
        run.watch(model, log="all", log_freq=1)
        train(model)
        run.unwatch(model)
        run.watch(object())
        run.watch(None, log="nonsense")
    assert {"gradients/weight", "parameters/bias"} <= {event["key"] for event in recorded.events()}
    assert capsys.readouterr().err.count("run.watch()") == 1
