"""Loading ahead lets whoever waits for the list go first, for a while."""

import sys
import threading
import time

import pytest

from runicorn.viewer import warming


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Twenty modules, each loading the next one, in place of numpy; `load()` loads them."""
    for number in range(20):
        following = f"import link{number + 1}" if number < 19 else ""
        (tmp_path / f"link{number}.py").write_text(following)
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda: __import__("link0")
    for number in range(20):
        sys.modules.pop(f"link{number}", None)


def loaded_with(load, somebody_waits):
    """Return how many seconds it took in a thread that is polite."""
    polite = warming._Polite(somebody_waits)
    sys.meta_path.insert(0, polite)
    try:
        began = time.monotonic()
        load()
        return time.monotonic() - began
    finally:
        sys.meta_path.remove(polite)


def test_it_waits_before_each_module_while_somebody_waits(modules):
    asked = []

    def somebody_waits():
        asked.append(len([name for name in sys.modules if name.startswith("link")]))
        return len(asked) < 10

    loaded_with(modules, somebody_waits)
    assert asked[:10] == [0] * 10  # nothing was loaded until nobody waited any more
    assert len(asked) > 20  # and before each one somebody was asked
    assert "link19" in sys.modules


def test_it_goes_on_in_the_end_whoever_waits(modules, monkeypatch):
    monkeypatch.setattr(warming, "MOST_SECS", 0.05)
    loaded_with(modules, lambda: True)
    assert "link19" in sys.modules


def test_what_others_load_waits_for_nobody(modules):
    def ask():
        raise AssertionError("another thread was held up")

    polite = warming._Polite(ask)
    sys.meta_path.insert(0, polite)
    try:
        other = threading.Thread(target=modules)
        other.start()
        other.join()
    finally:
        sys.meta_path.remove(polite)
    assert "link19" in sys.modules


def test_it_leaves_no_finder_behind(monkeypatch):
    before = list(sys.meta_path)
    warming.load_numpy(lambda: False)
    assert sys.meta_path == before
