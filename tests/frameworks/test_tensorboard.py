"""A script written for torch.utils.tensorboard records here after changing one import line."""

import ast
import inspect
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

import matplotlib as mpl
import numpy as np
import torch

mpl.use("agg")
from matplotlib import pyplot

import runicorn as rn
from runicorn.integrations.tensorboard import SummaryWriter, pixels, run_name


def test_every_method_takes_what_torchs_takes():
    # Read and not imported: that would need tensorboard.
    source = Path(torch.__file__).parent / "utils" / "tensorboard" / "writer.py"
    (theirs,) = (
        node
        for node in ast.parse(source.read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == "SummaryWriter"
    )
    for method in theirs.body:
        if not isinstance(method, ast.FunctionDef) or (method.name.startswith("_") and method.name != "__init__"):
            continue
        ours = inspect.signature(getattr(SummaryWriter, method.name)).parameters
        if any(each.kind is each.VAR_POSITIONAL for each in ours.values()):
            continue
        named = [each.arg for each in method.args.args]
        assert list(ours)[: len(named)] == named, method.name


def test_scalars_have_the_steps_that_they_were_given(recorded):
    with SummaryWriter("runs/exp1", comment="-big") as writer:
        for step in range(0, 30, 10):
            writer.add_scalar("loss", torch.tensor(1.0 / (step + 1)), step, walltime=1.0)
            writer.add_scalars("acc", {"train": 0.5, "val": np.float32(0.25)}, global_step=torch.tensor(step))
        for _ in range(3):
            writer.add_scalar("free", 1.0)
        writer.flush()
    run = recorded.run()
    assert (run.name, run.state.value) == ("exp1-big", "finished")
    assert recorded.series("loss") == [(0, 1.0), (10, 1 / np.float32(11)), (20, 1 / np.float32(21))]
    assert recorded.series("acc/val") == [(0, 0.25), (10, 0.25), (20, 0.25)]
    assert [step for step, _ in recorded.series("free")] == [0, 1, 2]
    assert not Path("runs").exists()


def test_everything_else_is_kept_as_what_it_is(recorded):
    figure = pyplot.figure()
    with SummaryWriter() as writer:
        writer.add_histogram("h", torch.randn(100), 1)
        writer.add_histogram("h edges", [1, 2, 3], 1, bins=[0, 2, 4])
        writer.add_histogram("h auto", np.arange(10), 1, bins="auto")
        writer.add_histogram_raw("h raw", 0, 3, 6, 9, 15, [1, 2, 1.7e308], [1, 2, 3], 1)
        writer.add_image("i", torch.rand(3, 8, 9), 1)
        writer.add_image("i hw", np.zeros((8, 9), "uint8"), 1, dataformats="HW")
        writer.add_images("is", torch.rand(4, 3, 8, 9), 1)
        writer.add_figure("f", figure, 1)
        writer.add_video("v", torch.rand(1, 5, 3, 8, 9), 1, fps=10)
        writer.add_audio("a", torch.zeros(1, 800), 1, sample_rate=8000)
        writer.add_text("t", "hello **you**", 1)
        writer.add_pr_curve("p", np.array([0, 1, 1]), torch.tensor([0.2, 0.7, 0.9]), 1, num_thresholds=11)
        writer.add_tensor("x", torch.arange(5.0), 1)
    found = {event["key"]: event for event in recorded.events()}
    assert {key: event["type"] for key, event in found.items()} == {
        **dict.fromkeys(["h", "h edges", "h auto", "h raw", "x"], "histogram"),
        **dict.fromkeys(["i", "i hw", "is"], "image"),
        "f": "figure",
        "v": "video",
        "a": "audio",
        "t": "text",
        "p": "table",
    }
    assert {event["step"] for event in found.values()} == {1}
    assert found["h edges"]["items"][0]["counts"] == [1, 2]
    assert found["h raw"]["items"][0]["edges"] == [0, 1, 2, 3]
    assert (found["i"]["items"][0]["width"], found["i"]["items"][0]["height"]) == (9, 8)
    assert len(found["is"]["items"]) == 4
    assert found["a"]["items"][0]["duration_secs"] == pytest.approx(0.1)
    assert found["p"]["items"][0]["rows"] == 11
    assert not pyplot.fignum_exists(figure.number)
    assert recorded.warnings() == {}


def test_hyperparameters_go_into_the_config(recorded):
    with SummaryWriter() as writer:
        writer.add_hparams({"lr": 0.1, "bsize": 4}, {"hparam/accuracy": 0.9})
    assert recorded.run().config == {"lr": 0.1, "bsize": 4}
    assert recorded.series("hparam/accuracy") == [(0, 0.9)]


def test_what_has_no_meaning_here_is_said_once(recorded, capsys):
    with SummaryWriter() as writer:
        for _ in range(3):
            writer.add_graph(torch.nn.Linear(1, 1), torch.zeros(1, 1))
            writer.add_embedding(torch.zeros(2, 2), metadata=["a", "b"])
            writer.add_mesh("m", torch.zeros(1, 2, 3))
            writer.add_custom_scalars({})
    assert recorded.warnings() == dict.fromkeys(["add_graph", "add_embedding", "add_mesh", "add_custom_scalars"], 3)
    assert capsys.readouterr().err.count("keeps nothing here") == 3


@pytest.mark.parametrize(
    "add",
    [
        lambda writer: writer.add_image("bad", torch.rand(3, 8), 1),
        lambda writer: writer.add_image("bad", "no picture", 1),
        lambda writer: writer.add_histogram("bad", "x", 1),
        lambda writer: writer.add_histogram("bad", [1.0], 1, bins="nonsense"),
        lambda writer: writer.add_scalar("bad", object(), 1),
        lambda writer: writer.add_audio("bad", None, 1),
        lambda writer: writer.add_video("bad", torch.rand(3), 1),
        lambda writer: writer.add_pr_curve("bad", [1], [0.1, 0.2], 1),
        lambda writer: writer.add_figure("bad", 3, 1),
        lambda writer: writer.add_scalar("bad", 1.0, "no step"),
    ],
)
def test_whatever_is_added_training_goes_on(recorded, add):
    with SummaryWriter() as writer:
        add(writer)
        writer.add_scalar("good", 1.0, 5)
    assert recorded.series("good") == [(5, 1.0)]
    assert len(recorded.warnings()) == 1


def test_an_open_run_is_used_and_left_open(recorded):
    with rn.init(name="mine") as run:
        with SummaryWriter("runs/other") as writer:
            writer.add_scalar("loss", 1.0, 0)
            assert writer.log_dir == str(run.dir)
        assert run.is_open
    assert recorded.run().name == "mine"


def test_two_writers_at_once_are_two_runs(recorded):
    train, val = SummaryWriter("runs/exp/train"), SummaryWriter("runs/exp/val")
    train.add_scalar("loss", 1.0, 0)
    val.add_scalar("loss", 2.0, 0)
    train.add_scalar("loss", 3.0, 1)
    val.close()
    train.close()
    by_name = {run.name: run for run in recorded.runs()}
    assert recorded.series("loss", by_name["exp/train"]) == [(0, 1.0), (1, 3.0)]
    assert recorded.series("loss", by_name["exp/val"]) == [(0, 2.0)]
    assert {run.state.value for run in by_name.values()} == {"finished"}


def test_a_block_that_raises_is_a_failed_run(recorded):
    with pytest.raises(ValueError, match="no"), SummaryWriter():
        raise ValueError("no")
    assert (recorded.run().state.value, recorded.run().exit_reason) == ("failed", "ValueError: no")


@pytest.mark.parametrize(
    ("log_dir", "comment", "name"),
    [
        (None, "", None),
        ("runs/a", "", "a"),
        ("logs/a/b", "_x", "a/b_x"),
        ("/data/me/runs/a", "", "data/me/a"),
        (None, "_lr", "lr"),
        (Path("a"), "", "a"),
    ],
)
def test_a_run_is_named_after_its_folder(log_dir, comment, name):
    assert run_name(log_dir, comment) == name


def test_pictures_may_have_their_axes_in_any_order():
    picture = np.random.default_rng(0).random((4, 5, 3))
    for order in ("HWC", "CHW", "WHC"):
        turned = np.einsum(f"hwc->{order.lower()}", picture)
        assert (pixels(turned, order) == (picture * 255).astype(np.uint8)).all()
