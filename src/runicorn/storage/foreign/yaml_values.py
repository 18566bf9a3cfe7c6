"""YAML as plain values: nothing is ever made or called that a file names, whatever tags it has. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

# The reader in Python takes 1.5 s for the worst of so much, and hyperparameters are some KiB.
MAX_YAML_BYTES = 1 << 16
_UNHASHABLE = (list, dict, set)
_GUARDED = ("int", "float", "bool", "null", "binary", "str")
_MERGE = "tag:yaml.org,2002:merge"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_FLOAT = "tag:yaml.org,2002:float"
_NAMED = re.compile(
    r"(?:tag:yaml\.org,2002:|!)*(?:python/(?:name|module|object/apply|object/new|object):)?(.*)", re.DOTALL
)
# What yaml raises for values that contradict their tags, such as !!int '' or !!bool maybe.
_ERRORS = (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)


def read_yaml(data: bytes) -> Any:
    """Return what a file holds, or None where it is none, or too large.

    A value with an unknown tag is what stands below the tag: the attributes of a `!!python/object`, the items of a
    `!!python/tuple`; of a `!!python/name` without a value it is the name, as text. Dates stay text, 1e-3 is a number.
    """
    if len(data) > MAX_YAML_BYTES:
        return None
    try:
        return yaml.load(data.decode("utf-8-sig", "replace"), Loader=_PlainLoader)  # a SafeLoader
    except _ERRORS:
        return None


class _PlainLoader(yaml.SafeLoader):  # type: ignore[misc,unused-ignore]
    """Makes mappings, lists, texts, numbers, truth values and None only."""

    # Merged keys (<<) stay keys like others, as they can double with each line. A key that is a list, such as a tuple
    # was, costs its own entry only.
    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):
            return dict(super().construct_mapping(node, deep))
        keys = [(self.construct_object(key, deep=True), value) for key, value in node.value]
        return {key: self.construct_object(value, deep) for key, value in keys if not isinstance(key, _UNHASHABLE)}


def _untagged(loader: _PlainLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        named = _NAMED.fullmatch(node.tag)
        return loader.construct_scalar(node) or (named[1] if named else node.tag)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


def _guarded(construct: Callable[[_PlainLoader, yaml.Node], Any]) -> Callable[[_PlainLoader, yaml.Node], Any]:
    """Return what makes a value that contradicts its tag as if it had none."""

    def made(loader: _PlainLoader, node: yaml.Node) -> Any:
        try:
            return construct(loader, node)
        except _ERRORS:
            return _untagged(loader, node)

    return made


def _text(loader: _PlainLoader, node: yaml.Node) -> Any:
    return loader.construct_scalar(node)


_PlainLoader.add_constructor(None, _untagged)
for _name in _GUARDED:
    _tag = f"tag:yaml.org,2002:{_name}"
    _PlainLoader.add_constructor(_tag, _guarded(yaml.SafeLoader.yaml_constructors[_tag]))
_PlainLoader.add_constructor(_MERGE, _text)
_PlainLoader.add_constructor(_TIMESTAMP, _text)
# YAML 1.1 wants a point in it, and those who write one by hand do not know.
_PlainLoader.add_implicit_resolver(_FLOAT, re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+", re.ASCII), list("-+0123456789"))
