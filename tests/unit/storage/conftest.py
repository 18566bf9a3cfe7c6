"""Looking at roots with logs of other tools, as a viewer does."""

import pytest

from runicorn.storage.mirroring.overlay import open_folder


@pytest.fixture
def look(tmp_path):
    """Return what looks at a root as a viewer does; all of them share one cache."""
    opened = []

    def open_files(root):
        opened.append(open_folder(root, tmp_path / "cache"))
        return opened[-1]

    yield open_files
    for files in opened:
        files.close()
