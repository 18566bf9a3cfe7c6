"""A root whose runs cannot be listed is no root without runs."""

import errno

import pytest

import runicorn as rn
from runicorn.errors import StorageError
from runicorn.storage.files import LocalFiles


@pytest.mark.parametrize("call", ["runs", "to_pandas"])
def test_runs_that_cannot_be_listed_are_an_error_and_not_none(tmp_path, monkeypatch, call):
    with rn.init(root=tmp_path, name="there") as run:
        run.log({"loss": 1})

    def stale(self, path, *rest):
        raise OSError(errno.ESTALE, "Stale file handle", path)

    with rn.open_root(tmp_path) as root:
        assert [found.name for found in root.runs()] == ["there"]
        for name in ("list", "stat", "names"):
            monkeypatch.setattr(LocalFiles, name, stale)
        with pytest.raises(StorageError, match="Stale file handle"):
            getattr(root, call)()
        monkeypatch.undo()
        assert [found.name for found in root.runs()] == ["there"]
