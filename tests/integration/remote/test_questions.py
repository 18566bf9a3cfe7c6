"""What a server asks while somebody logs in is put to that person, and to nobody's password."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.asking import Said, run_asking
from tests.support.live_events import Stream
from tests.support.questions import Person, know, person_at, prompts
from tests.support.remote import connect
from tests.support.serving import Viewer, run_viewer
from tests.support.waiting import eventually, eventually_nothing

from runicorn.errors import HostKeyConfirmationError, QuestionExpiredError
from runicorn.remote.asking.room import WaitingRoom
from runicorn.remote.names.way import direct
from runicorn.remote.ssh import paramiko
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Credentials, Target

SLOW = "waiting for the server: it checks the login; it says: Confirm at https://login.lab/ ␛[2J"


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    home = tmp_path_factory.mktemp("home")
    with run_viewer(home / "root", home) as viewer:
        yield viewer


@pytest.fixture
def me(viewer: Viewer) -> Iterator[Person]:
    with person_at(viewer) as person:
        yield person
        eventually_nothing(person.questions, 5)


def test_a_password_and_a_code_are_asked_for_one_after_the_other(me: Person) -> None:
    with run_asking(["Password: "], ["Verification code: "], []) as asking:
        waiting = me.connect(know(me.viewer, asking.port))
        question = me.question()
        assert question["connection_id"] == f"me@127.0.0.1:{asking.port}"
        assert question["hop"] == "127.0.0.1"
        assert question["prompts"] == [{"text": "Password:", "echo": False}]
        left = datetime.fromisoformat(question["expires_at"].replace("Z", "+00:00")) - datetime.now(timezone.utc)
        assert 110 < left.total_seconds() <= 120
        assert me.answer(question, asking.password).json()["ok"] is True
        eventually(lambda: me.questions() and prompts(me.question()) == ["Verification code:"])
        me.answer(me.question(), "246810")
        assert waiting.result(10).status_code == 200
        assert asking.typed == [("Password: ", asking.password), ("Verification code: ", "246810")]
        assert (asking.logins, asking.failures) == (1, 0)


def test_a_given_password_answers_its_prompt_and_the_rest_is_asked(me: Person) -> None:
    with run_asking(["Password: "], ["Verification code: "]) as asking:
        waiting = me.connect({**know(me.viewer, asking.port), "password": asking.password})
        question = me.question()
        assert prompts(question) == ["Verification code:"]
        me.answer(question, "246810")
        assert waiting.result(10).status_code == 200


def test_several_prompts_words_and_echo_come_as_the_server_says_them(me: Person) -> None:
    said = Said(["Account:", "PIN:", ""], "Two\nfactors", "Line one\r\nline \x1b[2Jtwo\u202e <b>bold</b>", seen=(0,))
    with run_asking(said) as asking:
        waiting = me.connect(know(me.viewer, asking.port))
        question = me.question()
        assert question["name"] == "Two factors"
        assert question["instructions"] == "Line one\nline ␛[2Jtwo\ufffd <b>bold</b>"
        assert question["prompts"] == [
            {"text": "Account:", "echo": True},
            {"text": "PIN:", "echo": False},
            {"text": "", "echo": False},
        ]
        for wrong in ([], ["a"], ["a", "b", "c", "d"]):
            refused = me.answer(question, *wrong)
            assert (refused.status_code, refused.json()["code"]) == (400, "ANSWERS_INVALID")
        assert me.answer(question, "ä b", "", "c").status_code == 200
        assert waiting.result(10).status_code == 200
        assert [given for _, given in asking.typed] == ["ä b", "", "c"]


def test_a_browser_that_is_gone_takes_no_question_with_it(me: Person) -> None:
    with run_asking(["Verification code: "]) as asking:
        body = {**know(me.viewer, asking.port), "interactive": True}
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{me.viewer.url}/api/remote/connect", json=body, timeout=0.5)
        me.answer(me.question(), "246810")
        name = f"me@127.0.0.1:{asking.port}"
        eventually(lambda: name in str(me.viewer.get("/api/remote/sessions").json()))


def test_an_answer_is_taken_once(me: Person) -> None:
    with run_asking(["Verification code: "]) as asking:
        waiting = me.connect(know(me.viewer, asking.port))
        question = me.question()
        assert me.answer(question, "246810").status_code == 200
        again = me.answer(question, "135791")
        assert (again.status_code, again.json()["code"]) == (404, "QUESTION_NOT_FOUND")
        assert (me.cancel(question).status_code, me.cancel({"id": "x"}).status_code) == (404, 404)
        assert waiting.result(10).status_code == 200


def test_a_server_that_takes_a_password_only_sent_is_asked_for_by_us(me: Person) -> None:
    with run_asking(takes_password=True) as asking:
        waiting = me.connect(know(me.viewer, asking.port))
        question = me.question()
        assert question["prompts"] == [{"text": "Password for me@127.0.0.1:", "echo": False}]
        me.answer(question, asking.password)
        assert waiting.result(10).status_code == 200
        assert asking.sent == [asking.password]


def test_a_wrong_answer_is_one_failed_login(me: Person) -> None:
    with run_asking(["Password: "], takes_password=True) as asking:
        waiting = me.connect(know(me.viewer, asking.port))
        me.answer(me.question(), "canary-wrong")
        answer = waiting.result(10)
        assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_FAILED")
        assert "canary-wrong" not in answer.text
        assert "check what you type" in answer.json()["hint"]
        assert (asking.failures, asking.sent) == (1, [])


def test_a_server_that_asks_nothing_lets_in_whoever_has_nothing(viewer: Viewer) -> None:
    with run_asking(takes_nothing=True) as asking:
        assert connect(viewer, know(viewer, asking.port)).status_code == 200


def test_without_anybody_to_ask_it_is_an_error_at_once(viewer: Viewer) -> None:
    with run_asking(["Password: "], ["Verification code: "]) as asking:
        body = {**know(viewer, asking.port), "password": asking.password}
        answer = connect(viewer, body)
        assert (answer.status_code, answer.json()["code"]) == (401, "INTERACTION_REQUIRED")
        assert "Verification code" in answer.json()["detail"]


def test_whoever_answers_nothing_does_not_wait_for_somebody_who_does(me: Person) -> None:
    with run_asking(["Password: "], ["Verification code: "]) as asking:
        body = {**know(me.viewer, asking.port), "password": asking.password}
        waiting = me.connect(body)
        question = me.question()
        began_at = time.monotonic()
        for other in (body, {**body, "password": "another"}):
            answer = connect(me.viewer, other)
            assert (answer.status_code, answer.json()["code"]) == (401, "INTERACTION_REQUIRED")
        assert time.monotonic() - began_at < 5
        me.answer(question, "246810")
        assert waiting.result(10).status_code == 200


def test_two_windows_share_one_question(me: Person) -> None:
    with run_asking(["Verification code: "]) as asking:
        body = know(me.viewer, asking.port)
        before = asking.visits
        one = me.connect({**body, "attempt": "window-one-0001"})
        question = me.question()
        other = me.connect({**body, "attempt": "window-two-0002"})
        time.sleep(0.3)
        assert me.questions() == [question]
        me.viewer.post("/api/remote/attempts/give-up", {"attempt": "window-one-0001"})
        assert one.result(10).json()["code"] == "CONNECT_CANCELLED"
        assert me.questions() == [question]  # the other window still waits for it
        me.answer(question, "246810")
        assert other.result(10).status_code == 200
        assert asking.visits == before + 1


@pytest.mark.parametrize("way", ["cancel", "give-up", "disconnect"])
def test_whatever_ends_the_attempt_ends_its_question_and_no_other(way: str, me: Person) -> None:
    with run_asking(["Verification code: "]) as asking, run_asking(["Verification code: "]) as other:
        body = know(me.viewer, asking.port)
        left = me.connect(know(me.viewer, other.port))
        kept = me.question()
        waiting = me.connect({**body, "attempt": f"attempt-of-{way}"})
        eventually(lambda: len(me.questions()) == 2)
        (question,) = [each for each in me.questions() if each != kept]
        lost, began_at = asking.lost, time.monotonic()
        if way == "cancel":
            assert me.cancel(question).json()["ok"] is True
        elif way == "give-up":
            me.viewer.post("/api/remote/attempts/give-up", {"attempt": f"attempt-of-{way}"})
        else:
            me.viewer.post("/api/remote/disconnect", body)
        answer = waiting.result(10)
        assert answer.json()["code"] == ("QUESTION_CANCELLED" if way == "cancel" else "CONNECT_CANCELLED")
        assert time.monotonic() - began_at < 3
        assert me.questions() == [kept]
        eventually(lambda: asking.lost == lost + 1, what="the connection is closed")
        assert asking.typed == []
        me.answer(kept, "246810")
        assert left.result(10).status_code == 200


def test_a_server_that_tires_of_waiting_takes_its_question_back(me: Person) -> None:
    with run_asking(["Verification code: "], patience_secs=1.5) as asking:
        waiting = me.connect(know(me.viewer, asking.port))
        me.question()
        answer = waiting.result(10)
        assert (answer.status_code, answer.json()["code"]) == (500, "CONNECTION_CLOSED")
        assert "waited for an answer" in answer.json()["detail"]


def test_a_question_that_nobody_answers_is_over_and_ends_the_connect(tmp_path: Path) -> None:
    room = WaitingRoom(answer_secs=0.5)
    with run_asking(["Verification code: "]) as asking:
        target = Target.make("127.0.0.1", asking.port, "me")
        keys = HostKeyFile(tmp_path / "known_hosts")
        keys.accept(*known_key(target, keys))
        with pytest.raises(QuestionExpiredError) as over:
            paramiko.connect(
                target,
                direct(target),
                Credentials(use_agent=False),
                keys,
                Progress(),
                tmp_path,
                asker=room.asker(target.connection_id),
            )
        assert (over.value.code, over.value.http_status) == ("QUESTION_EXPIRED", 401)
        assert room.questions() == []
        eventually(lambda: asking.lost == asking.visits, what="the connection is closed")


def known_key(target: Target, keys: HostKeyFile) -> list[Any]:
    with pytest.raises(HostKeyConfirmationError) as unknown:
        paramiko.connect(target, direct(target), Credentials(), keys, Progress(), keys.path.parent)
    names = ("host", "port", "key_type", "public_key", "fingerprint_sha256")
    return [unknown.value.payload[name] for name in names]


def test_an_expired_password_that_was_sent_is_changed(me: Person) -> None:
    with run_asking(takes_password=True, expired=True) as asking:
        old = asking.password
        waiting = me.connect({**know(me.viewer, asking.port), "password": old})
        question = me.question()
        assert question["instructions"] == "Your password has expired."
        assert prompts(question) == ["New password:", "New password again:"]
        me.answer(question, "one", "other")
        eventually(lambda: me.questions() and "not alike" in prompts(me.question())[0])
        me.answer(me.question(), "the new one", "the new one")
        assert waiting.result(10).status_code == 200
        assert asking.changes == [(old, "the new one")]


def test_the_live_stream_tells_of_a_question(me: Person) -> None:
    with run_asking(["Verification code: "]) as asking:
        waiting = me.connect(know(me.viewer, asking.port))
        question = me.question()
        with me.viewer.client.stream("GET", "/api/live") as stream:
            assert Stream(stream.iter_lines()).until("remote")["questions"] == [question]
        me.answer(question, "246810")
        assert waiting.result(10).status_code == 200


def test_a_viewer_that_is_stopped_waits_for_nobody(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with (
        run_asking(["Verification code: "]) as asking,
        run_viewer(tmp_path / "root", tmp_path / "home") as viewer,
        person_at(viewer) as person,
    ):
        waiting = person.connect(know(viewer, asking.port))
        person.question()
        began_at = time.monotonic()
        viewer.stop()
        assert time.monotonic() - began_at < 10
        assert viewer.process.returncode == 0
        waiting.exception(10)


@pytest.mark.parametrize(
    ("requests", "why"),
    [([[f"Prompt {n}:" for n in range(33)]], "33 answers at once"), ([[]] * 70, "it asked 64 times")],
    ids=["at once", "one by one"],
)
def test_a_server_that_asks_without_an_end_is_left(requests: list[list[str]], why: str, me: Person) -> None:
    with run_asking(*requests) as asking:
        answer = me.connect(know(me.viewer, asking.port)).result(10)
        assert (answer.status_code, answer.json()["code"]) == (500, "CONNECTION_CLOSED")
        assert why in answer.json()["detail"]
        eventually(lambda: asking.lost == asking.visits, what="the connection is closed")


def test_a_slow_server_is_waited_for_and_said_to_be_slow(me: Person) -> None:
    with run_asking(["Password: "], checks_secs=4.0, banner="Confirm at https://login.lab/\r\n\x1b[2J") as asking:
        body = {**know(me.viewer, asking.port), "password": asking.password}
        waiting = me.connect(body)

        def said() -> list[str]:
            progress = me.viewer.get("/api/remote/status").json()["progress"]
            mine = [each for each in progress if each["connectionId"].endswith(f":{asking.port}")]
            return [stage["detail"] for each in mine for stage in each["stages"] if stage["name"] == "login"]

        eventually(lambda: said() == [SLOW], 4)
        assert waiting.result(15).status_code == 200
        assert said() == ["password (keyboard-interactive)"]
