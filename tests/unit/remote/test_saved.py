"""Saved connections hold no secret."""

from pathlib import Path

import pytest

from runicorn.errors import RemoteError
from runicorn.remote.saved import SavedConnections, without_secrets


def test_secret_fields_are_dropped_under_any_spelling_and_unknown_ones_kept() -> None:
    item = {
        "host": "gpu",
        "privateKeyPath": "~/.ssh/id",
        "colour": "blue",
        "password": "x",
        "Passphrase": "x",
        "private_key": "x",
        "privateKey": "x",
        "sshPassword": "x",
        "nested": {"token": "x", "note": "kept"},
    }
    kept = {"host": "gpu", "privateKeyPath": "~/.ssh/id", "colour": "blue", "nested": {"note": "kept"}}
    assert without_secrets(item) == kept


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    saved = SavedConnections(tmp_path / "new" / "connections.json")
    assert saved.load() == []
    saved.save([{"host": "gpu", "note": "é"}])
    assert saved.load() == [{"host": "gpu", "note": "é"}]
    assert (tmp_path / "new" / "connections.json").stat().st_mode & 0o077 == 0


def test_half_a_surrogate_pair_spoils_no_file_and_no_answer(tmp_path: Path) -> None:
    saved = SavedConnections(tmp_path / "connections.json")
    saved.save([{"host": "gpu", "no\ud800te": ["\udc00", "\U0001f600"]}])
    assert saved.load() == [{"host": "gpu", "no\ufffdte": ["\ufffd", "\U0001f600"]}]
    (tmp_path / "connections.json").write_text('[{"host":"\\ud800"}]')
    assert saved.load() == [{"host": "\ufffd"}]


@pytest.mark.parametrize("content", ["", "{", "{}", '"x"'])
def test_a_broken_file_is_an_error_that_names_it_and_loses_nothing(tmp_path: Path, content: str) -> None:
    path = tmp_path / "connections.json"
    path.write_text(content)
    with pytest.raises(RemoteError, match=r"connections\.json"):
        SavedConnections(path).load()
    assert path.read_text() == content
