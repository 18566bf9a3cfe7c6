"""What a host's answer means. The script itself runs here too, on a made-up home."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from runicorn.errors import (
    EnvironmentNotFoundError,
    EnvironmentUnusableError,
    LoginShellRefusedError,
    NoPythonError,
    RunicornMissingError,
    RunicornTooOldError,
    StartError,
)
from runicorn.remote.server import probe

BEGIN, END = "<<<abc", "def>>>"


def environment(name: str, **changes: Any) -> dict[str, Any]:
    plain = {"name": name, "type": "conda", "python_version": "3.11.9", "path": f"/opt/{name}/bin/python"}
    return {**plain, "runicorn_version": "0.8.0", "error": None, **changes}


def answer(*environments: dict[str, Any]) -> bytes:
    facts = {"home": "/home/me", "platform": "linux", "default_root": "/home/me/runicorn_data", "root_exists": False}
    return f"{BEGIN}{json.dumps({**facts, 'free_port': 23300, 'environments': environments})}{END}\n".encode()


def parse(stdout: bytes, status: int = 0, stderr: bytes = b"") -> probe.HostFacts:
    return probe.parse(stdout, stderr, status, BEGIN, END)


def test_noise_around_the_answer_is_passed_over() -> None:
    noise = b"Welcome!\n" * 100_000 + f"{BEGIN}{{broken{END}\n".encode()
    facts = parse(noise + answer(environment("base")) + b"bye\n")
    assert [env.name for env in facts.environments] == ["base"]


def test_exactly_one_environment_is_the_default_and_it_has_runicorn() -> None:
    facts = parse(answer(environment("a", runicorn_version=None), environment("b"), environment("c")))
    assert [env.name for env in facts.environments if env.is_default] == ["b"]


def test_an_unusable_environment_is_never_the_default() -> None:
    facts = parse(answer(environment("a", error="broken"), environment("b", runicorn_version=None)))
    assert [env.name for env in facts.environments if env.is_default] == ["b"]


def test_an_old_python_is_unusable_and_says_so() -> None:
    facts = parse(answer(environment("old", python_version="3.8.18"), environment("new")))
    assert "3.8.18 is too old" in (facts.environments[0].error or "")
    with pytest.raises(EnvironmentUnusableError):
        probe.require_usable(facts.environments[0])


def test_a_missing_environment_is_an_error_with_near_names_never_another_one() -> None:
    facts = parse(answer(environment("pytorch"), environment("jax")))
    with pytest.raises(EnvironmentNotFoundError) as caught:
        probe.choose(facts, "pytorhc")
    assert caught.value.near == ("pytorch",)


def test_an_environment_can_be_named_by_its_interpreter() -> None:
    facts = parse(answer(environment("a"), environment("b")))
    assert probe.choose(facts, "/opt/b/bin/python").name == "b"


def test_missing_and_old_runicorn_are_two_errors() -> None:
    facts = parse(answer(environment("none", runicorn_version=None), environment("old", runicorn_version="0.7.2")))
    with pytest.raises(RunicornMissingError, match="none"):
        probe.require_usable(facts.environments[0])
    with pytest.raises(RunicornTooOldError, match=r"0\.7\.2"):
        probe.require_usable(facts.environments[1])


@pytest.mark.parametrize(
    ("stdout", "status", "stderr", "error"),
    [
        (b"", probe.NO_PYTHON_STATUS, b"", NoPythonError),
        (b"This account is currently not available.\n", 1, b"", LoginShellRefusedError),
        (b"", 127, b"no such shell", LoginShellRefusedError),
        (f"{BEGIN}not json{END}".encode(), 0, b"", StartError),
        (f"{BEGIN}[]{END}".encode(), 0, b"", StartError),
        (b"half " + BEGIN.encode() + b"{", 0, b"", StartError),
    ],
)
def test_each_way_not_to_answer_has_its_error(
    stdout: bytes, status: int, stderr: bytes, error: type[StartError]
) -> None:
    with pytest.raises(error):
        parse(stdout, status, stderr)


def make_environment(prefix: Path, *files: str, python: bool = True) -> None:
    (prefix / "bin").mkdir(parents=True)
    if python:
        (prefix / "bin" / "python").symlink_to("/bin/sh")
    for each in files:
        path = prefix / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def run_probe(home: Path, *shell: str) -> probe.HostFacts:
    done = subprocess.run(
        shell or ("/bin/sh",),
        input=probe.script(BEGIN, END),
        capture_output=True,
        env={"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        check=False,
        timeout=30,
    )
    return probe.parse(done.stdout, done.stderr, done.returncode, BEGIN, END)


def test_every_kind_of_environment_is_found_from_its_files(tmp_path: Path) -> None:
    conda = tmp_path / "miniconda3"
    site = "lib/python3.11/site-packages/runicorn-0.8.0.dist-info/METADATA"
    make_environment(conda, "conda-meta/history", "conda-meta/python-3.11.9-h1.json")
    make_environment(conda / "envs" / "with blank's", "conda-meta/history", "conda-meta/python-3.10.2-h1.json", site)
    make_environment(tmp_path / "elsewhere" / "far", "conda-meta/history")
    (tmp_path / ".conda").mkdir()
    (tmp_path / ".conda" / "environments.txt").write_text(f"{tmp_path}/elsewhere/far\n/gone\n")
    make_environment(tmp_path / "project" / ".venv")
    (tmp_path / "project" / ".venv" / "pyvenv.cfg").write_text("home = /usr\nuv = 0.5\nversion_info = 3.12.1\n")
    make_environment(tmp_path / ".virtualenvs" / "broken", python=False)
    (tmp_path / ".virtualenvs" / "broken" / "pyvenv.cfg").write_text("version = 3.11.2\n")
    make_environment(tmp_path / ".pyenv" / "versions" / "3.13.0")
    make_environment(tmp_path / ".cache" / "pypoetry" / "virtualenvs" / "app-x1")
    (tmp_path / ".cache" / "pypoetry" / "virtualenvs" / "app-x1" / "pyvenv.cfg").write_text("version = 3.11.2\n")
    found = {env.name: env for env in run_probe(tmp_path).environments}
    kinds = {name: (env.kind, env.python_version) for name, env in found.items() if name != "system"}
    assert kinds == {
        "base": ("conda", "3.11.9"),
        "with blank's": ("conda", "3.10.2"),
        "far": ("conda", ""),
        "project": ("uv", "3.12.1"),
        "broken": ("virtualenv", "3.11.2"),
        "3.13.0": ("pyenv", "3.13.0"),
        "app-x1": ("poetry", "3.11.2"),
    }
    assert found["system"].kind == "system"
    assert found["with blank's"].runicorn_version == "0.8.0"
    assert found["with blank's"].is_default
    assert "does not exist" in (found["broken"].error or "")
    assert all(env.path.startswith("/") for env in found.values())


def test_a_hanging_interpreter_does_not_hold_up_the_probe(tmp_path: Path) -> None:
    prefix = tmp_path / "venv"
    make_environment(prefix, python=False)
    (prefix / "pyvenv.cfg").write_text("version = 3.11.2\n")
    python = prefix / "bin" / "python"
    python.write_text("#!/bin/sh\nsleep 1000\n")
    python.chmod(0o755)
    assert [env.name for env in run_probe(tmp_path).environments] == ["system", "venv"]


def test_two_environments_of_one_name_stay_apart(tmp_path: Path) -> None:
    for root in ("miniconda3", "miniforge3"):
        make_environment(tmp_path / root, "conda-meta/history")
        make_environment(tmp_path / root / "envs" / "ml", "conda-meta/history")
    names = [env.name for env in run_probe(tmp_path).environments]
    assert len(names) == len(set(names)) == 5
