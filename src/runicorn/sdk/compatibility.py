"""What scripts written for W&B or trackio pass to init() that means nothing here. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runicorn.errors import UsageError
from runicorn.sdk.config_source import config_fields

# fmt: off
_OTHERS = frozenset((
    "entity", "settings", "reinit", "save_code", "anonymous", "allow_val_change", "force", "tensorboard",
    "sync_tensorboard", "monitor_gym", "magic", "fork_from", "resume_from", "space_id", "dataset_id", "bucket_id",
    "server_url", "private", "embed", "auto_log_gpu", "gpu_log_interval", "auto_log_cpu", "webhook_url",
    "webhook_min_level",
))
_OWN = (
    "project", "name", "config", "tags", "notes", "group", "job_type", "root", "dir", "id", "resume", "mode",
    "console", "system_metrics", "config_exclude_keys", "config_include_keys",
)
# fmt: on


def check_others(others: Mapping[str, Any]) -> list[str]:
    """Return the names that are left out. Raises UsageError for one that no tracker knows."""
    for name in others:
        if name not in _OTHERS:
            import difflib

            near = difflib.get_close_matches(name, [*_OWN, *_OTHERS], n=1)
            raise UsageError(
                f"init() has no parameter {name!r}.",
                hint=f"Did you mean {near[0]!r}?" if near else "See help(runicorn.init).",
            )
    return [name for name, value in others.items() if value is not None]


def select_keys(config: Any, include: Iterable[str] | None, exclude: Iterable[str] | None) -> Any:
    """Return the config with only the keys in `include`, or without those in `exclude`."""
    if include is None and exclude is None:
        return config
    fields = config_fields(config)
    wanted = None if include is None else set(include)
    unwanted = set(exclude or ())
    return {key: value for key, value in fields.items() if (wanted is None or key in wanted) and key not in unwanted}
