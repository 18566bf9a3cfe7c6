"""Loading ahead lets whoever waits for the list go first, for a while."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder

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
    """Load it in a thread that is polite."""
    with warming._polite(somebody_waits):
        load()


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

    with warming._polite(ask):
        other = threading.Thread(target=modules)
        other.start()
        other.join()
    assert "link19" in sys.modules


def test_it_leaves_no_finder_behind(monkeypatch):
    before = list(sys.meta_path)
    warming.load_numpy(lambda: False)
    assert sys.meta_path == before


class Halfway(MetaPathFinder):
    """Finds nothing, and holds up whoever looks for `link0` until it may go on."""

    def __init__(self):
        self.reached, self.go_on = threading.Event(), threading.Event()

    def find_spec(self, fullname, path=None, target=None):
        if fullname == "link0":
            self.reached.set()
            assert self.go_on.wait(10)


def test_what_others_import_meanwhile_is_found(modules, monkeypatch):
    halfway = Halfway()
    # Right behind it is the one that finds modules in folders: a list that loses one before them would pass over it.
    at = sys.meta_path.index(PathFinder)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path[:at], halfway, *sys.meta_path[at:]])
    with ThreadPoolExecutor() as executor:
        with warming._polite(lambda: False):
            other = executor.submit(modules)
            assert halfway.reached.wait(10)
        halfway.go_on.set()
        other.result()
    assert "link19" in sys.modules
