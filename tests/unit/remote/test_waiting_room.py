"""Where questions wait: answered once, by anybody; cancelled, withdrawn or too old, and nobody else's is touched."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from runicorn.errors import (
    AnswersInvalidError,
    ConnectCancelledError,
    ConnectionClosedError,
    QuestionCancelledError,
    QuestionExpiredError,
    QuestionNotFoundError,
)
from runicorn.remote.asking import room as room_module
from runicorn.remote.asking.question import Asked, Prompt, Question
from runicorn.remote.asking.room import RoomAsker, WaitingRoom
from runicorn.remote.trust.target import Secret

CODE = Asked("gpu-7", "", "Use your token.", (Prompt("Code: ", False),))
TWO = Asked("gpu-7", "", "", (Prompt("User code: ", True), Prompt("PIN: ", False)))


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as pool:
        yield pool


def there() -> bool:
    return True


def asked(room: WaitingRoom, count: int = 1) -> list[Question]:
    deadline = time.monotonic() + 5
    while len(room.questions()) != count:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return room.questions()


def put(pool: ThreadPoolExecutor, asker: RoomAsker, what: Asked = CODE, still_there=there) -> Future[list[Secret]]:
    return pool.submit(asker.ask, what, still_there)


def test_an_answer_reaches_who_asked(pool):
    room = WaitingRoom(clock=lambda: 1000.0)
    waiting = put(pool, room.asker("me@gpu-7:22"), TWO)
    (question,) = asked(room)
    assert (question.connection_id, question.hop, question.expires_at) == ("me@gpu-7:22", "gpu-7", 1120.0)
    assert question.prompts == (Prompt("User code:", True), Prompt("PIN:", False))
    room.answer(question.id, ["abc", ""])
    assert [each.reveal() for each in waiting.result(5)] == ["abc", ""]
    assert room.questions() == []


def test_the_second_answer_is_told_that_it_is_too_late(pool):
    room = WaitingRoom()
    waiting = put(pool, room.asker("me@gpu-7:22"))
    (question,) = asked(room)
    room.answer(question.id, ["1"])
    with pytest.raises(QuestionNotFoundError):
        room.answer(question.id, ["2"])
    with pytest.raises(QuestionNotFoundError):
        room.cancel(question.id)
    assert waiting.result(5) == [Secret("1")]


@pytest.mark.parametrize("answers", [[], ["1", "2"], ["half a \ud800 character"]])
def test_answers_that_do_not_fit_leave_it_open(pool, answers):
    room = WaitingRoom()
    waiting = put(pool, room.asker("me@gpu-7:22"))
    (question,) = asked(room)
    with pytest.raises(AnswersInvalidError):
        room.answer(question.id, answers)
    assert room.questions() == [question]
    room.answer(question.id, ["1"])
    assert waiting.result(5) == [Secret("1")]


def test_one_that_nobody_answers_is_over_after_its_time(pool):
    room = WaitingRoom(answer_secs=0.2)
    waiting = put(pool, room.asker("me@gpu-7:22"))
    (question,) = asked(room)
    with pytest.raises(QuestionExpiredError):
        waiting.result(5)
    with pytest.raises(QuestionNotFoundError):
        room.answer(question.id, ["1"])


def test_cancelling_one_of_two_leaves_the_other(pool):
    room = WaitingRoom()
    one, other = put(pool, room.asker("me@gpu-7:22")), put(pool, room.asker("me@gpu-8:22"))
    questions = {each.connection_id: each for each in asked(room, 2)}
    room.cancel(questions["me@gpu-7:22"].id)
    with pytest.raises(QuestionCancelledError):
        one.result(5)
    assert not other.done()
    room.answer(questions["me@gpu-8:22"].id, ["1"])
    assert other.result(5) == [Secret("1")]


def test_giving_up_withdraws_at_once_and_for_good(pool, monkeypatch):
    monkeypatch.setattr(room_module, "LOOK_SECS", 60)  # it is told, and does not find it out by looking
    room = WaitingRoom()
    asker, other = room.asker("me@gpu-7:22"), room.asker("me@gpu-7:22")
    waiting, left = put(pool, asker), put(pool, other)
    asked(room, 2)
    asker.close()
    with pytest.raises(ConnectCancelledError):
        waiting.result(5)
    with pytest.raises(ConnectCancelledError):
        asker.ask(CODE, there)
    (question,) = asked(room)
    room.answer(question.id, ["1"])
    assert left.result(5) == [Secret("1")]


def test_a_server_that_hangs_up_takes_its_question_with_it(pool):
    room, connected = WaitingRoom(), threading.Event()
    connected.set()
    waiting = put(pool, room.asker("me@gpu-7:22"), still_there=connected.is_set)
    asked(room)
    connected.clear()
    with pytest.raises(ConnectionClosedError, match="waited for an answer"):
        waiting.result(5)
    assert room.questions() == []


def test_each_change_is_told(pool):
    news: list[int] = []
    room = WaitingRoom(lambda: news.append(len(room.questions())))
    waiting = put(pool, room.asker("me@gpu-7:22"))
    (question,) = asked(room)
    room.answer(question.id, ["1"])
    waiting.result(5)
    assert news[0] == 1
    assert news[-1] == 0
