"""What a training script touches. Imports nothing heavy, and never raises into training once a run is open."""

from typing import TYPE_CHECKING, Any

if not TYPE_CHECKING:  # else a checker would take any name

    def __getattr__(name: str) -> Any:
        """Return what goes by W&B's inner names in annotations: wandb.sdk.wandb_run.Run."""
        from types import SimpleNamespace

        if name == "wandb_run":
            from runicorn.sdk.run import Run

            return SimpleNamespace(Run=Run)
        if name in ("wandb_config", "wandb_summary"):
            from runicorn.sdk.mappings import NotifyingDict

            return SimpleNamespace(Config=NotifyingDict, Summary=NotifyingDict)
        raise AttributeError(f"module 'runicorn.sdk' has no attribute {name!r}")
