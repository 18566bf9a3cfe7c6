"""The two mappings that a script fills: config and summary. Each tells its run when it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from runicorn.masking import without_secret_values
from runicorn.sdk.plain import fields_of, is_plain, to_json
from runicorn.sdk.warnings import Warnings


class NotifyingDict(MutableMapping[str, Any]):
    """A mapping with text keys that calls `changed` after each change. Keys read as attributes too: config.lr.

    Values are kept as they were given; `plain()` is what goes to disk. There is no lock: each change, and each copy, is
    one step of the dictionary, and whoever reads all of it reads a copy.
    """

    def __init__(self, kind: str, changed: Callable[[], None], warnings: Warnings) -> None:
        self.__dict__.update(_kind=kind, _changed=changed, _warnings=warnings, _values={})

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON, without secrets."""
        return dict(without_secret_values(to_json(dict(self._values))))

    def preset(self, values: Any) -> None:
        """Take in values without calling `changed`. Mappings, argparse namespaces and dataclasses will do."""
        given = fields_of(values)
        if given is None:
            given = {key: value for key, value in getattr(values, "__dict__", {}).items() if not key.startswith("_")}
        for key, value in given.items():
            self._put(key, value)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take in many values with one write to disk: mappings, records, pairs. Raises nothing."""
        kwargs.pop("allow_val_change", None)  # of other trackers; here values may always change
        for values in (*args, kwargs):
            try:
                self.preset(dict(values) if isinstance(values, (list, tuple)) and fields_of(values) is None else values)
            except Exception as error:  # noqa: BLE001 - foreign code, inside somebody's training loop
                self._warnings.add(self._kind, f"{self._kind}.update() could not use what it was given: {error}.")
        self._changed()

    def setdefaults(self, *args: Any, **kwargs: Any) -> None:
        """Take in the values of names that are not there yet, with one write to disk. Raises nothing."""
        given = NotifyingDict(self._kind, _tell_nobody, self._warnings)
        given.update(*args, **kwargs)
        self._values.update({key: value for key, value in given.items() if key not in self._values})
        self._changed()

    def update_locked(self, values: Any = None, *_: Any, **__: Any) -> None:
        """Take in many values, as `update` does; nothing is ever locked here."""
        self.update(values or {})

    def persist(self) -> None:
        """Do nothing: what is set is on disk, or will be in a moment."""

    def as_dict(self) -> dict[str, Any]:
        """Return a copy as an ordinary dictionary."""
        return dict(self._values)

    _as_dict = as_dict

    @property
    def _items(self) -> dict[str, Any]:
        return self.as_dict()

    def _put(self, key: Any, value: Any) -> None:
        if not is_plain(value):
            self._warnings.add(
                f"{self._kind}:{str(key)[:100]}", f"{self._kind}[{str(key)[:100]!r}] is no JSON; its text is stored."
            )
        self._values[str(key)] = value

    def __setitem__(self, key: str, value: Any) -> None:
        self._put(key, value)
        self._changed()

    def __delitem__(self, key: str) -> None:
        del self._values[str(key)]
        self._changed()

    def __getitem__(self, key: str) -> Any:
        return self._values[str(key)]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __copy__(self) -> NotifyingDict:
        return _apart(self._kind, dict(self._values))

    def __deepcopy__(self, memo: dict[int, Any]) -> NotifyingDict:
        import copy

        return _apart(self._kind, copy.deepcopy(dict(self._values), memo))

    def __reduce__(self) -> Any:
        return _apart, (self._kind, dict(self._values))

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __repr__(self) -> str:
        return f"{self._kind}({self._values!r})"


def _apart(kind: str, values: dict[str, Any]) -> NotifyingDict:
    """Return a mapping that belongs to no run: what a copy is, and what a checkpoint holds."""
    found = NotifyingDict(kind, _tell_nobody, Warnings())
    found.__dict__["_values"] = values
    return found


def _tell_nobody() -> None:
    pass
