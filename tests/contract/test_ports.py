"""A port is a number from 1 to 65535 in every request that has one; which those are is asked from /openapi.json."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.serving import Viewer, run_viewer

NAMES = ("port", "local_port", "remote_port", "localPort", "remotePort")
NO_PORTS = (-1, 0, 65536, 1.5, "x", True, False, [22], {}, 2**70, -(2**70), 1e400)
PORTS = (1, 65535)


@dataclass(frozen=True)
class Field:
    """A port in a request. in_list: whether the body is a list of such objects. query: whether it is a parameter."""

    method: str
    path: str
    name: str
    schema: Any
    in_list: bool = False
    query: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.name}"


def port_fields(document: dict[str, Any]) -> Iterator[Field]:
    """Yield each integer of a request that is called like a port."""

    def resolved(schema: dict[str, Any]) -> dict[str, Any]:
        name = schema.get("$ref", "").rpartition("/")[2]
        return document["components"]["schemas"][name] if name else schema

    for path, item in document["paths"].items():
        for method, operation in item.items():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in NAMES and is_integer(parameter["schema"]):
                    yield Field(method.upper(), path, parameter["name"], parameter["schema"], query=True)
            content = operation.get("requestBody", {}).get("content", {})
            schema = resolved(content.get("application/json", {}).get("schema", {}))
            in_list = schema.get("type") == "array"
            schema = resolved(schema["items"]) if in_list else schema
            for name, each in schema.get("properties", {}).items():
                if name in NAMES and is_integer(each):
                    yield Field(method.upper(), path, name, schema, in_list)


def is_integer(schema: dict[str, Any]) -> bool:
    return any(each.get("type") == "integer" for each in schema.get("anyOf", [schema]))


def filled(field: Field, value: Any) -> Any:
    """Return a body that is right but for this value."""
    examples = {"string": "127.0.0.1", "integer": 22}
    body = {name: examples[field.schema["properties"][name]["type"]] for name in field.schema["required"]}
    body = {**body, field.name: value}
    return [body] if field.in_list else body


def ask(viewer: Viewer, field: Field, value: Any) -> httpx.Response:
    if field.query:
        return viewer.client.request(field.method, field.path, params={field.name: str(value)})
    if value == 1e400:  # no JSON that a library writes, yet one that servers read
        text = httpx.Request("POST", "http://x", json=filled(field, 4711)).content.replace(b"4711", b"1e400")
        return viewer.client.request(
            field.method, field.path, content=text, headers={"Content-Type": "application/json"}
        )
    return viewer.client.request(field.method, field.path, json=filled(field, value))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def viewer(home: Path) -> Iterator[Viewer]:
    with run_viewer(home / "root", home) as running:
        yield running


def test_the_walk_sees_every_port(viewer: Viewer) -> None:
    seen = {str(field) for field in port_fields(viewer.get("/openapi.json").json())}
    start, saved = "POST /api/remote/viewer/start", "POST /api/remote/connections/saved"
    assert seen >= {
        *("POST /api/remote/connect: port", "POST /api/remote/disconnect: port"),
        *("POST /api/remote/known-hosts/accept: port", "POST /api/remote/known-hosts/remove: port"),
        *(f"{start}: port", f"{start}: local_port", f"{start}: remote_port"),
        *(f"{saved}: port", f"{saved}: localPort", f"{saved}: remotePort"),
    }


def test_what_is_no_port_is_refused_before_anything_happens(viewer: Viewer, home: Path) -> None:
    files_before = sorted(home.rglob("*"))
    for field in port_fields(viewer.get("/openapi.json").json()):
        for value in NO_PORTS:
            answer = ask(viewer, field, value)
            body = answer.json()
            assert (answer.status_code, body["code"]) == (422, "INVALID_REQUEST"), f"{field} = {value!r}"
            assert {tuple(each["loc"])[-1] for each in body["detail"]} == {field.name}, f"{field} = {value!r}"
            assert body["hint"]
    status = viewer.get("/api/remote/status").json()
    assert (status["connections"], status["viewer_sessions"], status["progress"]) == ([], [], [])
    assert sorted(home.rglob("*")) == files_before


def test_the_same_requests_with_a_port_are_not_refused_for_it(viewer: Viewer) -> None:
    """What is refused above is refused for the port alone."""
    for field in port_fields(viewer.get("/openapi.json").json()):
        if field.path not in ("/api/remote/connect", "/api/remote/viewer/start"):  # would look for the host
            for value in PORTS:
                assert ask(viewer, field, value).status_code != 422, f"{field} = {value!r}"
