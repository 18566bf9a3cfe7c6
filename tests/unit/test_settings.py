"""Settings come from their strongest source."""

from pathlib import Path

import pytest

from runicorn.errors import UsageError
from runicorn.settings import Settings, TunnelChoice, resolve

HOME = Path("/home/me")


def settle(
    flags: dict[str, object] | None = None, environ: dict[str, str] | None = None, file: str | None = None
) -> Settings:
    def read_text(path: Path) -> str:
        if file is None:
            raise FileNotFoundError(path)
        return file

    return resolve(
        flags=flags or {},
        environ=environ or {},
        default_home=HOME / ".config/runicorn",
        user_home=HOME,
        read_text=read_text,
    )


def test_defaults() -> None:
    settings = settle()
    assert (settings.root, settings.port, settings.host) == (HOME / "runicorn_data", 23300, "127.0.0.1")
    assert (settings.tunnel, settings.grace_secs) == (TunnelChoice.AUTO, 600.0)


def test_flags_beat_the_environment_which_beats_the_file() -> None:
    file, environ = '{"root": "/from/file", "port": 1}', {"RUNICORN_ROOT": "/from/environ"}
    assert settle(file=file).root == Path("/from/file")
    assert settle(environ=environ, file=file).root == Path("/from/environ")
    assert settle({"root": "~/flag", "port": None}, environ, file) == Settings(
        root=HOME / "flag", home=HOME / ".config/runicorn", port=1
    )


@pytest.mark.parametrize(("text", "secs"), [("0", 0.0), ("never", None), ("NEVER", None), ("2.5", 2.5)])
def test_grace(text: str, secs: float | None) -> None:
    assert settle(environ={"RUNICORN_SESSION_GRACE_SECS": text}).grace_secs == secs


@pytest.mark.parametrize(
    ("flags", "environ", "file"),
    [
        ({"port": 65536}, {}, None),
        ({"port": -1}, {}, None),
        ({}, {"RUNICORN_TUNNEL": "carrier-pigeon"}, None),
        ({}, {"RUNICORN_CONNECTOR": "two-cans"}, None),
        ({}, {"RUNICORN_SESSION_GRACE_SECS": "-1"}, None),
        ({}, {"RUNICORN_SESSION_GRACE_SECS": "soon"}, None),
        ({}, {}, "{broken"),
        ({}, {}, "[]"),
    ],
)
def test_values_that_cannot_be_used_are_named(
    flags: dict[str, object], environ: dict[str, str], file: str | None
) -> None:
    with pytest.raises(UsageError):
        settle(flags, environ, file)


def test_the_time_for_a_start_can_be_set_within_reason() -> None:
    assert settle().start_timeout_secs == 60.0
    assert settle(environ={"RUNICORN_START_TIMEOUT_SECS": "300"}).start_timeout_secs == 300.0
    for text in ("0", "-1", "inf", "nan", "soon", "3601"):
        with pytest.raises(UsageError, match="RUNICORN_START_TIMEOUT_SECS"):
            settle(environ={"RUNICORN_START_TIMEOUT_SECS": text})


def test_the_cache_is_the_platforms_unless_home_is_ones_own() -> None:
    def cache(environ: dict[str, str]) -> Path:
        settings = resolve(
            flags={},
            environ=environ,
            default_home=Path("/config"),
            user_home=Path("/home/me"),
            default_cache=Path("/cache"),
            read_text=lambda path: "{}",
        )
        return settings.cache_folder

    assert cache({}) == Path("/cache")
    assert cache({"RUNICORN_HOME": "/own"}) == Path("/own/cache")
