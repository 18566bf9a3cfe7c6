"""What scripts written for W&B or trackio pass to init() that means nothing here. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runicorn.errors import UsageError
from runicorn.sdk.config_source import config_fields

# fmt: off
_OTHERS = frozenset((
    "entity", "settings", "reinit", "anonymous", "allow_val_change", "force", "magic", "space_id", "dataset_id",
    "bucket_id", "server_url", "private", "embed", "auto_log_gpu", "gpu_log_interval", "auto_log_cpu", "webhook_url",
    "webhook_min_level",
))
_OWN = (
    "project", "name", "config", "tags", "notes", "group", "job_type", "root", "dir", "id", "resume", "mode",
    "console", "system_metrics", "config_exclude_keys", "config_include_keys",
)
# fmt: on


# What a script would miss, and what to do instead; all others are only named.
_INSTEAD = {
    "sync_tensorboard": "copies nothing; `runicorn viewer --root LOGDIR` shows TensorBoard's logs, and "
    "runicorn.integrations.tensorboard.SummaryWriter records what a script adds",
    "monitor_gym": "records nothing; log the frames as rn.Video",
    "save_code": "keeps no code; the run holds its git commit",
    "fork_from": "begins a new run; id=... and resume='allow' go on with one",
    "resume_from": "begins a new run; id=... and resume='allow' go on with one",
    "dir": "moves no run; root=... or RUNICORN_ROOT says where runs lie",
}
_INSTEAD["tensorboard"] = _INSTEAD["sync_tensorboard"]


def check_others(others: Mapping[str, Any]) -> dict[str, str]:
    """Return what to say of those that are left out, by the kind of warning.

    Raises UsageError for one that no tracker knows.
    """
    for name in others:
        if name not in _OTHERS and name not in _INSTEAD:
            import difflib

            near = difflib.get_close_matches(name, [*_OWN, *_OTHERS], n=1)
            raise UsageError(
                f"init() has no parameter {name!r}.",
                hint=f"Did you mean {near[0]!r}?" if near else "See help(runicorn.init).",
            )
    given = [name for name, value in others.items() if value is not None and value is not False]
    unused = [name for name in given if name not in _INSTEAD]
    found = {f"ignored:{name}": f"init({name}=...) {_INSTEAD[name]}." for name in given if name in _INSTEAD}
    if unused:
        found["ignored"] = f"init() has no use for {', '.join(unused)}."
    return found


def select_keys(config: Any, include: Iterable[str] | None, exclude: Iterable[str] | None) -> Any:
    """Return the config with only the keys in `include`, or without those in `exclude`."""
    if include is None and exclude is None:
        return config
    fields = config_fields(config)
    wanted = None if include is None else set(include)
    unwanted = set(exclude or ())
    return {key: value for key, value in fields.items() if (wanted is None or key in wanted) and key not in unwanted}
