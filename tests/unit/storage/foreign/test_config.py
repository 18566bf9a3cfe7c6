"""The configuration beside a log is read as plain values, whatever its tags would have Python do."""

import json

import pytest
from tests.support.foreign_logs import log

from runicorn.storage.foreign.config import config_of, config_paths
from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.yaml_values import MAX_YAML_BYTES, read_yaml


def of_yaml(text):
    return config_of(Kind.LIGHTNING, {"hparams.yaml": text.encode()})


def test_lightnings_hyperparameters_are_read_through_their_python_tags():
    assert config_of(Kind.LIGHTNING, {"hparams.yaml": log("lightning/lightning_logs/version_0/hparams.yaml")}) == {
        "lr": 0.05,
        "name": "résumé",
        "optimizer": "torch.optim.sgd.SGD",
        "options.depth": 18,
        "options.dropout": 0.1,
        "sizes": [4, 2],
    }


def test_ultralytics_arguments_are_read_whole():
    found = config_of(Kind.ULTRALYTICS, {"args.yaml": log("ultralytics/args.yaml")})
    assert (found["model"], found["epochs"], found["lr0"], found["amp"], found["time"]) == (
        "yolov8n.yaml",
        3,
        0.01,
        False,
        None,
    )
    assert len(found) == len(log("ultralytics/args.yaml").splitlines())


def test_a_trainers_config_is_that_of_the_model_and_of_the_training():
    folder = "transformers/out/checkpoint-24"
    found = config_of(Kind.TRAINER, {name: log(f"{folder}/{name}") for name in ("config.json", "trainer_state.json")})
    assert (found["hidden_size"], found["num_train_epochs"], found["train_batch_size"]) == (16, 3, 8)
    assert "log_history" not in found


def test_no_tag_makes_anything_happen(tmp_path):
    mark = tmp_path / "made"
    calls = f"a: !!python/object/apply:os.mkdir ['{mark}']\nb: !!python/object/new:os.mkdir ['{mark}']\n"
    found = of_yaml(f"{calls}lr: 0.1\nc: !own {{x: 1}}")
    assert not mark.exists()
    assert (found["lr"], found["c.x"]) == (0.1, 1)


@pytest.mark.parametrize(
    "value", ["!!int ''", "!!bool maybe", "!!float x", "!!binary é", "!!timestamp x", "{? [1, 2] : 3}"]
)
def test_a_value_that_contradicts_its_tag_costs_no_other(value):
    assert of_yaml(f"a: {value}\nlr: 0.1")["lr"] == 0.1


def test_numbers_with_an_exponent_are_numbers_and_dates_are_texts():
    assert of_yaml("lr: 1e-3\nday: 2024-01-02\nname: 1e-x") == {"lr": 0.001, "day": "2024-01-02", "name": "1e-x"}


def test_secrets_are_hidden():
    assert of_yaml("api_key: abcdefgh12345678\nmodel: {password: hunter2}") == {
        "api_key": "***",
        "model.password": "***",
    }


def test_what_counts_most_comes_last():
    files = {".hydra/config.yaml": b"lr: 1\nseed: 5\n", "hparams.yaml": b"lr: 2\n"}
    assert config_of(Kind.LIGHTNING, files) == {"lr": 2, "seed": 5}


def test_paths_are_those_beside_the_log_and_of_hydra_above_it_and_never_above_the_root():
    assert config_paths(Kind.LIGHTNING, "a/b/csv/version_0/metrics.csv") == [
        "a/b/.hydra/config.yaml",
        "a/b/csv/.hydra/config.yaml",
        "a/b/csv/version_0/.hydra/config.yaml",
        "a/b/csv/version_0/hparams.yaml",
    ]
    assert config_paths(Kind.ULTRALYTICS, "results.csv") == [".hydra/config.yaml", "args.yaml"]
    names = ["checkpoint-9", "checkpoint-10"]
    assert "out/checkpoint-10/config.json" in config_paths(Kind.TRAINER, "out/trainer_state.json", names)


def test_tables_of_labels_long_texts_and_large_files_are_bounded():
    labels = {"id2label": {str(number): f"label {number}" for number in range(1000)}, "text": "x" * 5000, "d": 2}
    found = config_of(Kind.JSON_LINES, {"config.json": json.dumps(labels).encode()})
    assert (list(found), len(found["text"])) == (["text", "d"], 1000)
    assert len(of_yaml("\n".join(f"k{number}: 1" for number in range(3000)))) == 1000
    assert read_yaml(b"a: 1\n" * MAX_YAML_BYTES) is None


def test_aliases_of_aliases_take_no_time_and_no_room():
    lists = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    lists += "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    merged = "a: &a {x: 1}\n"
    for old, new in zip("abcdefghijklmnopqrstuvw", "bcdefghijklmnopqrstuvwx", strict=True):
        merged += f"{new}: &{new} {{<<: [*{old}, *{old}], p: *{old}, q: *{old}}}\n"
    wide = "a: &a {x: []}\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True):
        wide += f"{new}: &{new} {{{', '.join(f'k{number}: *{old}' for number in range(30))}}}\n"
    wide = wide.replace("x: []", "x: [[[[[]]]]]")  # no setting, so that it never counts as one
    for text in (lists, merged, wide, "a: &a [*a]\nlr: 1\n", "a: &a {b: *a}\n"):
        assert len(json.dumps(of_yaml(text))) < 200_000


@pytest.mark.parametrize("data", [b"", b"[1]", b"\xff\xfe", b"a: [", b"a: *b", b"%x", b"\0"])
def test_what_is_no_mapping_is_no_configuration(data):
    assert config_of(Kind.LIGHTNING, {"hparams.yaml": data, "config.json": data}) == {}
