"""What is recorded of a process."""

import subprocess

import pytest

from runicorn import masking
from runicorn.sdk import facts
from runicorn.sdk.names import ADJECTIVES, ANIMALS, run_name


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("train.py --lr 0.1 --api-key abc --epochs 3", "train.py --lr 0.1 --api-key *** --epochs 3"),
        ("train.py --hub_token=abc wandb.api_key=abc", "train.py --hub_token=*** wandb.api_key=***"),
        ("train.py --password -v", "train.py --password -v"),
        ("train.py --DB_PASSWORD x --aws-secret-key y", "train.py --DB_PASSWORD *** --aws-secret-key ***"),
        ("train.py --tokenizer gpt2 --max_tokens 9 --pad-token x --key k", None),
        ("train.py token secret data", None), ("train.py", None), ("", None),
    ],
)  # fmt: skip
def test_a_command_line_is_kept_without_its_secrets(given, shown):
    arguments = given.split(" ")
    assert masking.without_secret_arguments(arguments) == (arguments if shown is None else shown.split(" "))


def test_packages_are_named_without_opening_their_metadata(tmp_path):
    for name in (
        "numpy-2.4.6.dist-info",
        "Typing_Extensions-4.0.dist-info",
        "old-1.0-py3.11.egg-info",
        "numpy",
        "x.py",
    ):
        (tmp_path / name).mkdir()
    found = facts.packages([str(tmp_path), str(tmp_path / "missing")])
    assert found == {"numpy": "2.4.6", "old": "1.0", "typing-extensions": "4.0"}


def test_gpus_are_read_from_the_kernel_driver(tmp_path):
    gpu = tmp_path / "0000:01:00.0"
    gpu.mkdir()
    (gpu / "information").write_text("Model: \t\t NVIDIA A100\nIRQ: 1\n")
    assert facts.gpu_names(tmp_path) == ["NVIDIA A100"]
    assert facts.gpu_names(tmp_path / "missing") == []


def test_a_folder_outside_of_git_has_no_git_state(tmp_path):
    assert facts.git_state(str(tmp_path)) is None


def test_git_state_is_commit_and_dirty_flag(tmp_path):
    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@y", *arguments], cwd=tmp_path, check=True,
                       capture_output=True, timeout=20)  # fmt: skip

    git("init")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "first")
    clean = facts.git_state(str(tmp_path))
    assert len(clean["commit"]) == 40
    assert clean["dirty"] is False
    (tmp_path / "a").write_text("2")
    assert facts.git_state(str(tmp_path)) == {**clean, "dirty": True}


def test_environment_variables_are_not_recorded(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2-very-secret")
    assert "hunter2-very-secret" not in repr(facts.quick_facts())


def test_names_are_two_words_and_neighbours_differ():
    assert run_name(0).split("-")[0] in ADJECTIVES
    assert run_name(0).split("-")[1] in ANIMALS
    assert len({run_name(number) for number in range(500)}) > 400
