"""Locks that let a signal handler in, are free in a child, and are waited for a while only."""

import os
import signal
import threading
import time

import pytest

from runicorn import locks
from runicorn.locks import Flag

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals and fork")


@pytest.fixture
def taken():
    """A lock that another thread holds until the test is over."""
    lock, holds, over = locks.reentrant_lock(), threading.Event(), threading.Event()

    def hold():
        with lock:
            holds.set()
            over.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holds.wait(30)
    yield lock
    over.set()
    thread.join(30)


def test_a_lock_that_is_not_let_go_is_waited_for_a_while_only(taken):
    with locks.held(taken, 0.01) as ours:
        assert not ours
        assert not locks.is_mine(taken)


def test_a_lock_lets_its_own_thread_in_again():
    lock = locks.reentrant_lock()
    assert not locks.is_mine(lock)
    with locks.held(lock) as outer, locks.held(lock) as inner:
        assert outer
        assert inner
        assert locks.is_mine(lock)
    assert not locks.is_mine(lock)


@posix
def test_a_lock_that_another_thread_held_is_free_in_a_child(taken):
    child = os.fork()
    if child == 0:
        os._exit(0 if taken.acquire(timeout=1) else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@posix
def test_a_fork_waits_for_what_is_being_loaded():
    loading, go_on = threading.Event(), threading.Event()

    def load():
        with locks.LOADING:
            loading.set()
            go_on.wait(30)

    thread = threading.Thread(target=load)
    thread.start()
    assert loading.wait(30)
    threading.Timer(0.1, go_on.set).start()
    child = os.fork()
    if child == 0:
        os._exit(0 if go_on.is_set() else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    thread.join(30)
    assert not locks.is_mine(locks.LOADING)


def test_a_flag_lets_all_pass_who_wait():
    flag, passed = Flag(), []
    threads = [threading.Thread(target=lambda: passed.append(flag.wait(30))) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert not flag.is_set()
    flag.set()
    flag.set()
    for thread in threads:
        thread.join(30)
    assert passed == [True] * 5
    assert flag.wait(0)


def test_a_flag_that_is_not_set_is_waited_for_a_while_only():
    before = time.monotonic()
    assert not Flag().wait(0.05)
    assert 0.04 < time.monotonic() - before < 5


@posix
@pytest.mark.timeout(60)
def test_a_flag_may_be_set_by_a_signal_that_comes_while_it_is_set():
    """threading.Event hangs here: its set() takes a lock that its own thread holds already."""
    flag = Flag()
    before = signal.signal(signal.SIGALRM, lambda *_: flag.set())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
        for _ in range(200_000):
            flag.set()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert flag.is_set()
