"""A person at the Remote API who is asked something while logging in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
from tests.support.remote import accept, connect
from tests.support.serving import Viewer
from tests.support.waiting import eventually


class Person:
    """Connects, and answers. Every request that waits has a thread of its own."""

    def __init__(self, viewer: Viewer, pool: ThreadPoolExecutor) -> None:
        self.viewer = viewer
        self._pool = pool

    def post(self, path: str, body: dict[str, Any]) -> Future[httpx.Response]:
        """Send a request that may take as long as a person does."""
        return self._pool.submit(httpx.post, f"{self.viewer.url}{path}", json=body, timeout=110)

    def connect(self, body: dict[str, Any]) -> Future[httpx.Response]:
        return self.post("/api/remote/connect", {"interactive": True, **body})

    def questions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.viewer.get("/api/remote/status").json()["questions"]
        return found

    def question(self, timeout_secs: float = 10.0) -> dict[str, Any]:
        """Wait for the one that is open."""
        (question,) = eventually(self.questions, timeout_secs, "a question")
        return dict(question)

    def question_of(self, port: int, prompt: str = "", timeout_secs: float = 10.0) -> dict[str, Any]:
        """Wait for one of the login to this port, with a prompt that begins so."""

        def found() -> list[dict[str, Any]]:
            mine = [each for each in self.questions() if each["connection_id"].endswith(f":{port}")]
            return [each for each in mine if any(text.startswith(prompt) for text in prompts(each))]

        return dict(eventually(found, timeout_secs, "a question")[0])

    def answer(self, question: dict[str, Any], *answers: str) -> httpx.Response:
        return self.viewer.post("/api/remote/answer", {"id": question["id"], "answers": list(answers)})

    def cancel(self, question: dict[str, Any]) -> httpx.Response:
        return self.viewer.post("/api/remote/cancel", {"id": question["id"]})


@contextlib.contextmanager
def person_at(viewer: Viewer) -> Iterator[Person]:
    with ThreadPoolExecutor(8) as pool:
        person = Person(viewer, pool)
        try:
            yield person
        finally:  # a test that failed waits for no answer
            with contextlib.suppress(httpx.HTTPError):
                for question in person.questions():
                    person.cancel(question)


def know(viewer: Viewer, port: int, username: str = "me") -> dict[str, Any]:
    """Accept the server's key; return the body of a connect to it with nothing to log in with."""
    body = {"host": "127.0.0.1", "port": port, "username": username, "use_agent": False}
    accept(viewer, connect(viewer, body))
    return body


def prompts(question: dict[str, Any]) -> list[str]:
    return [each["text"] for each in question["prompts"]]
