"""Record machine-learning experiments into a folder: `import runicorn as rn`, rn.init(), rn.log({"loss": 0.1})."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

from runicorn._version import __version__
from runicorn.errors import RunicornError
from runicorn.sdk import api, package
from runicorn.sdk.api import alert, define_metric, finish, init, log, log_artifact, use_artifact

if TYPE_CHECKING:
    from runicorn.exchange.client import Root
    from runicorn.integrations.torch import unwatch, watch
    from runicorn.roots.opening import open_root
    from runicorn.roots.several import Roots
    from runicorn.sdk.artifacts import Artifact
    from runicorn.sdk.mappings import NotifyingDict
    from runicorn.sdk.media.audio import Audio
    from runicorn.sdk.media.figure import Figure
    from runicorn.sdk.media.histogram import Histogram
    from runicorn.sdk.media.image import Image
    from runicorn.sdk.media.table import Table
    from runicorn.sdk.media.text import Html, Text
    from runicorn.sdk.media.video import Video
    from runicorn.sdk.run import Run
    from runicorn.storage.events import AlertLevel

    config: NotifyingDict
    summary: NotifyingDict
    run: Run | None

__all__ = [
    "AlertLevel",
    "Artifact",
    "Audio",
    "Figure",
    "Histogram",
    "Html",
    "Image",
    "Root",
    "Roots",
    "Run",
    "RunicornError",
    "Table",
    "Text",
    "Video",
    "__version__",
    "alert",
    "config",
    "define_metric",
    "finish",
    "init",
    "log",
    "log_artifact",
    "open_root",
    "run",
    "summary",
    "unwatch",
    "use_artifact",
    "watch",
]

# What is loaded only when it is asked for, so that importing costs next to nothing.
_LAZY = {
    "AlertLevel": "runicorn.storage.events",
    "Artifact": "runicorn.sdk.artifacts",
    "Audio": "runicorn.sdk.media.audio",
    "Figure": "runicorn.sdk.media.figure",
    "Histogram": "runicorn.sdk.media.histogram",
    "Html": "runicorn.sdk.media.text",
    "Image": "runicorn.sdk.media.image",
    "Root": "runicorn.exchange.client",
    "Roots": "runicorn.roots.several",
    "Run": "runicorn.sdk.run",
    "Table": "runicorn.sdk.media.table",
    "Text": "runicorn.sdk.media.text",
    "Video": "runicorn.sdk.media.video",
    "keras": "runicorn.integrations.other_names",
    "xgboost": "runicorn.integrations.other_names",
    "open_root": "runicorn.roots.opening",
    "unwatch": "runicorn.integrations.torch",
    "watch": "runicorn.integrations.torch",
}


def __getattr__(name: str) -> Any:
    """Return what belongs to the current run, or is loaded only when it is asked for."""
    if name == "config":
        return api.current_config()
    if name == "summary":
        return api.current_summary()
    if name == "run":
        current = api.current_run()
        return current if current is not None and current.takes_points else None
    if name in _LAZY:
        import importlib

        from runicorn import locks

        try:
            with locks.LOADING:
                return getattr(importlib.import_module(_LAZY[name]), name)
        except ImportError:
            if name not in ("watch", "unwatch"):  # these need PyTorch, which no script must miss for them
                raise
    if name.startswith("_"):
        raise AttributeError(f"module 'runicorn' has no attribute {name!r}")
    from runicorn.sdk import other_modules

    return other_modules.of_module(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Module(types.ModuleType):
    """This module, of which the current run's parts cannot be replaced: scripts of W&B say wandb.config = {...}."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("config", "summary", "run"):
            from runicorn.sdk import other_modules

            other_modules.set_in_module(name, value)
        else:
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Module
package.public = __getattr__
