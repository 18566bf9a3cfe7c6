"""What init(config=...) takes: anything with named values, or the path of a JSON or YAML file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from runicorn.errors import UsageError
from runicorn.sdk.plain import fields_of


def config_fields(config: Any) -> dict[Any, Any]:
    """Return the values by name: of a mapping, argparse namespace, dataclass, or of a file. Raises UsageError."""
    if config is None:
        return {}
    if isinstance(config, (str, os.PathLike)):
        return _from_file(Path(config))
    fields = fields_of(config)
    if fields is None:
        fields = {key: value for key, value in getattr(config, "__dict__", {}).items() if not key.startswith("_")}
    if not fields and not hasattr(config, "__len__") and not hasattr(config, "__dict__"):
        raise UsageError(
            f"config is a {type(config).__name__}, which has no named values.",
            hint="Pass a mapping, an argparse namespace, a dataclass, or the path of a JSON or YAML file.",
        )
    return fields


def _from_file(path: Path) -> dict[Any, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        content = _yaml(text) if path.suffix.lower() in (".yaml", ".yml") else json.loads(text)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The configuration {str(path)[:500]!r} cannot be read: {error}.", hint="Pass a JSON or YAML file."
        ) from error
    if not isinstance(content, dict):
        raise UsageError(f"The configuration {str(path)[:500]!r} holds no mapping.", hint="Pass names with values.")
    return content


def _yaml(text: str) -> Any:
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise ValueError("reading YAML needs PyYAML (pip install pyyaml)") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
