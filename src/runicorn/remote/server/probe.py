"""What a host has: the text that is sent to ask, and what its answer means. Pure."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from dataclasses import dataclass, replace
from typing import Any

from runicorn.errors import (
    EnvironmentNotFoundError,
    EnvironmentUnusableError,
    LoginShellRefusedError,
    NoPythonError,
    RunicornMissingError,
    RunicornTooOldError,
    StartError,
)
from runicorn.remote.server import probe_script
from runicorn.remote.server.paths import shell_word

OLDEST_PYTHON = (3, 10)
OLDEST_RUNICORN = (0, 8)
NO_PYTHON_STATUS = 86  # said by our own script only


@dataclass(frozen=True)
class Environment:
    """A Python on the remote host. path: its interpreter, absolute. error: why it is unusable, or None.

    kind: conda, virtualenv, uv, pyenv, poetry or system. versions: bare numbers, "" or None where not known.
    """

    name: str
    kind: str
    python_version: str
    path: str
    runicorn_version: str | None
    error: str | None = None
    is_default: bool = False


@dataclass(frozen=True)
class HostFacts:
    """The answer of one probe. default_root: where runs are kept there unless told otherwise."""

    home: str
    platform: str
    default_root: str
    root_exists: bool
    free_port: int
    environments: tuple[Environment, ...]


def is_path(name: str) -> bool:
    """Tell whether a person means an environment by where it is, and not by its name."""
    return "/" in name or name.startswith(("~", "$"))


def script(begin: str, end: str, path: str | None = None) -> bytes:
    """Return the shell script that prints the facts between the two markers.

    path: of one more environment, see is_path(); where the host has no Python at any known place, its own is asked.
    """
    source = probe_script.SOURCE
    words = " ".join(shlex.quote(word) for word in (begin, end, *([path] if path else [])))
    own = f" {shell_word(path)} {shell_word(path + '/bin/python')}" if path else ""
    return (
        "set +e\n"
        "for python in python3 /usr/bin/python3 /usr/local/bin/python3 /opt/conda/bin/python"
        ' "$HOME/miniconda3/bin/python" "$HOME/anaconda3/bin/python" "$HOME/miniforge3/bin/python"'
        ' "$HOME/mambaforge/bin/python" "$HOME/.pyenv/shims/python3" python'
        f"{own}; do\n"
        '  if command -v "$python" >/dev/null 2>&1 &&'
        ' "$python" -I -S -c "import sys; sys.exit(sys.version_info < (3, 5))" </dev/null >/dev/null 2>&1; then\n'
        f"    exec \"$python\" -I -S - {words} <<'RUNICORN_PROBE'\n"
        f"{source}\nRUNICORN_PROBE\n"
        "  fi\n"
        "done\n"
        f"exit {NO_PYTHON_STATUS}\n"
    ).encode()


def parse(stdout: bytes, stderr: bytes, exit_status: int, begin: str, end: str) -> HostFacts:
    """Return the facts that a probe printed, whatever noise stands around them.

    Raises NoPythonError, LoginShellRefusedError, or StartError if the answer makes no sense.
    """
    text = stdout.decode("utf-8", "replace")
    _, found_begin, rest = text.rpartition(begin)
    answer, found_end, _ = rest.partition(end)
    if not (found_begin and found_end):
        raise no_answer(text, stderr.decode("utf-8", "replace"), exit_status)
    try:
        return _facts(json.loads(answer))
    except (ValueError, KeyError, TypeError) as error:
        raise StartError(f"The server's answer about its environments makes no sense: {error}.") from error


def choose(facts: HostFacts, name: str | None) -> Environment:
    """Return the environment called `name` (or with that interpreter path); the default one for None.

    Raises EnvironmentNotFoundError with near names; never gives another one than asked for.
    """
    if name is None:
        return next(env for env in facts.environments if env.is_default)
    for env in facts.environments:
        if name in (env.name, env.path):
            return env
    names = [env.name for env in facts.environments]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or names[:3]
    raise EnvironmentNotFoundError(
        f"There is no environment {name!r} on this host. Near names: {', '.join(near)}.", near=near
    )


def require_usable(env: Environment) -> None:
    """Raise the StartError that tells why a viewer cannot run in this environment."""
    if env.error:
        raise EnvironmentUnusableError(f"The environment {env.name} cannot be used: {env.error}.")
    if env.runicorn_version is None:
        raise RunicornMissingError(
            f"The environment {env.name} has no runicorn.",
        )
    if _numbers(env.runicorn_version) < OLDEST_RUNICORN:
        oldest = ".".join(map(str, OLDEST_RUNICORN))
        raise RunicornTooOldError(
            f"The environment {env.name} has runicorn {env.runicorn_version}; {oldest} or newer is needed.",
        )


def _facts(answer: dict[str, Any]) -> HostFacts:
    environments = [_environment(item) for item in answer["environments"]]
    usable = [env for env in environments if not env.error]
    best = next((env for env in usable if env.runicorn_version), usable[0] if usable else environments[0])
    return HostFacts(
        home=str(answer["home"]),
        platform=str(answer["platform"]),
        default_root=str(answer["default_root"]),
        root_exists=bool(answer["root_exists"]),
        free_port=int(answer["free_port"]),
        environments=tuple(replace(env, is_default=env is best) for env in environments),
    )


def _environment(item: dict[str, Any]) -> Environment:
    version, error = str(item["python_version"]), item["error"]
    if error is None and version and _numbers(version) < OLDEST_PYTHON:
        error = f"Python {version} is too old; {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed"
    path = str(item["path"])
    if error is None and _clean(path) != path:
        error = "its path holds characters that cannot be shown"
    return Environment(
        name=_clean(str(item["name"])),
        kind=str(item["type"]),
        python_version=version,
        path=_clean(path),
        runicorn_version=item["runicorn_version"],
        error=_clean(error) if error else None,
    )


def no_answer(stdout: str, stderr: str, exit_status: int) -> StartError:
    """Return the error for a login shell that printed this instead of running a script of ours."""
    if exit_status == NO_PYTHON_STATUS:
        return NoPythonError("No Python 3 was found on this server.")
    said = _last_line(stderr) or _last_line(stdout)
    refused = LoginShellRefusedError(f"The login shell ran no command and said: {said or 'nothing'}.")
    if exit_status in (1, 126, 127, 254) or "not available" in stdout:
        return refused
    return StartError(f"The server did not answer the question about its environments: {said or 'no output'}.")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _clean(lines[-1])[:200] if lines else ""


def _clean(text: str) -> str:
    """Return the text without what cannot be sent on as UTF-8 or would move a terminal's cursor."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text.encode("utf-8", "replace").decode())


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
