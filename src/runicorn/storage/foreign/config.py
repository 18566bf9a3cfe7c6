"""The configuration that lies beside a log: which files may hold it, and its values by name. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from runicorn.masking import without_secret_values
from runicorn.model import number_to_json
from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.trainer_log import checkpoint_number
from runicorn.storage.foreign.yaml_values import read_yaml
from runicorn.storage.jsonio import decode_object, well_formed

# Files that are larger are not read.
MAX_CONFIG_BYTES = 1 << 20
_MAX_VALUES = 1000
_MAX_DEPTH = 8
# Tables of labels, not settings.
_MOST_ENTRIES = 100
_MOST_ITEMS = 100
_MAX_TEXT_CHARACTERS = 1000
_MAX_INTEGER = 2**63
# So that aliases of aliases, which are small in the file, cost no time.
_MOST_LOOKS = 20_000
_HYDRA = ".hydra/config.yaml"
_HYDRA_FOLDERS = 3  # its own, and those above, as with a logger's folder inside that of a job
_ANY = ("config.json", "config.yaml", "args.yaml", "hparams.yaml")
_NAMES = {
    Kind.LIGHTNING: ("hparams.yaml",),
    Kind.ULTRALYTICS: ("args.yaml",),
    Kind.TRAINER: ("config.json", "adapter_config.json"),
}
_OF_TRAINER_STATE = (
    "max_steps", "num_train_epochs", "train_batch_size", "logging_steps", "eval_steps", "save_steps",
)  # fmt: skip


def config_paths(kind: Kind, log_path: str, names: Collection[str] = ()) -> list[str]:
    """Return where the configuration of a log may lie, what counts most last.

    log_path, and each path: below the root that is looked at, with slashes. names: of the log's folder, where a
    Trainer's checkpoints lie.
    """
    *folders, _ = log_path.split("/")
    above = ["/".join(folders[:count]) for count in range(len(folders), -1, -1)][:_HYDRA_FOLDERS]
    inside = [each for each in names if checkpoint_number(each) is not None] if kind is Kind.TRAINER else []
    latest = max(inside, key=lambda each: checkpoint_number(each) or 0, default=None)
    near = _NAMES.get(kind, _ANY)
    found = [_joined(folder, _HYDRA) for folder in reversed(above)]
    if latest is not None:
        found += [_joined(above[0], f"{latest}/{each}") for each in near]
    found += [_joined(above[0], each) for each in near]
    return found + ([log_path] if kind is Kind.TRAINER else [])


def config_of(kind: Kind, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the values that files hold, as plain JSON, nested names joined by dots, secrets as `***`.

    files: by path, as config_paths() gives them; of two that tell the same name, the later counts. At most 1,000 values
    are given: long texts are cut; what is damaged is left out, and what is no setting, such as a table of labels.
    """
    values: dict[str, Any] = {}
    for path, data in files.items():
        found = _read(path, data)
        if kind is Kind.TRAINER and path.endswith("trainer_state.json"):
            found = {name: found[name] for name in _OF_TRAINER_STATE if name in found}
        flattening = _Flattening()
        for name, value in flattening.values(found):
            if name in values or len(values) < _MAX_VALUES:
                values[name] = value
    return dict(without_secret_values(values))


def _read(path: str, data: bytes) -> dict[Any, Any]:
    is_state = path.endswith("trainer_state.json")
    if len(data) > MAX_CONFIG_BYTES and not is_state:
        return {}
    found = decode_object(data.removeprefix(b"\xef\xbb\xbf")) if path.endswith(".json") else read_yaml(data)
    return found if isinstance(found, dict) else {}


class _TooMuchError(Exception):
    """A value is no setting: it is too large, too deep, or nothing that JSON knows. Does not leave this file."""


class _Flattening:
    def __init__(self) -> None:
        self._looks = _MOST_LOOKS

    def values(self, found: Mapping[Any, Any], prefix: str = "", depth: int = _MAX_DEPTH) -> Iterator[tuple[str, Any]]:
        for key, value in found.items():
            self._looks -= 1
            if self._looks < 0:
                return
            if not isinstance(key, (str, int, float)) or not str(key)[:1]:
                continue
            path = f"{prefix}{well_formed(str(key))}"
            if len(path) > _MAX_TEXT_CHARACTERS:
                continue
            if isinstance(value, dict) and value and depth:
                if len(value) <= _MOST_ENTRIES:
                    yield from self.values(value, f"{path}.", depth - 1)
                continue
            try:
                yield path, self._plain(value)
            except _TooMuchError:
                continue

    def _plain(self, value: object, depth: int = 3) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            if not -_MAX_INTEGER <= value < _MAX_INTEGER:
                raise _TooMuchError
            return value
        if isinstance(value, float):
            return number_to_json(value)
        if isinstance(value, str):
            return well_formed(value[:_MAX_TEXT_CHARACTERS])
        if isinstance(value, (list, tuple, set)):
            return self._items(value, depth)
        if isinstance(value, dict) and not value:
            return {}
        raise _TooMuchError

    def _items(self, items: Iterable[object], depth: int) -> list[Any]:
        found: list[Any] = []
        for item in items:
            self._looks -= 1
            if len(found) == _MOST_ITEMS or not depth or self._looks < 0:
                raise _TooMuchError
            if isinstance(item, dict):
                found.append(dict(self.values(item, depth=2)))
            else:
                found.append(self._plain(item, depth - 1))
        return found


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
