"""The garbage collector does not walk through the runs that are known, and finds those of a source that has gone."""

import gc
import weakref

import pytest

from runicorn.viewer.collector import RestingCollector


class Place:
    """A source: it is in a circle, so that only the collector finds it."""

    def __init__(self):
        self.itself = self
        self.runs = [[number] for number in range(1000)]


@pytest.fixture
def frozen():
    """Return how many objects are spared beyond those that were before; they are no longer afterwards."""
    gc.unfreeze()
    yield gc.get_freeze_count
    gc.unfreeze()


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def resting(clock):
    return RestingCollector(lambda: clock[0])


def test_a_few_runs_are_left_to_the_collector(frozen, resting):
    places = [Place()]
    for count in (0, 10, 2000):
        resting.settle(places, count)
    assert frozen() == 0


def test_many_runs_are_spared_and_so_are_those_that_come(frozen, resting):
    places = [Place()]
    resting.settle(places, 3000)
    first = frozen()
    assert first > 1000
    resting.settle(places, 3010)
    assert frozen() == first, "not with each run"
    places.append(Place())
    resting.settle(places, 4000)
    assert frozen() > first + 1000


def test_what_has_gone_is_found(frozen, resting, clock):
    places = [Place(), Place()]
    resting.settle(places, 4000)
    gone = weakref.ref(places.pop())
    gc.collect()
    assert gone() is not None, "it is spared"
    resting.settle(places, 3000)
    assert frozen() == 0
    clock[0] = 5.0
    resting.settle(places, 3000)
    assert frozen() == 0, "somebody may still be answered from it"
    clock[0] = 11.0
    resting.settle(places, 3000)
    assert gone() is None
    assert frozen() > 1000


def test_all_that_goes_is_found_though_few_are_left(frozen, resting, clock):
    places = [Place()]
    resting.settle(places, 4000)
    gone = weakref.ref(places.pop())
    resting.settle(places, 0)
    assert frozen() == 0
    gc.collect()
    assert gone() is None
