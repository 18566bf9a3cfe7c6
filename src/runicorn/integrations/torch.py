"""Histograms of a PyTorch model's gradients and parameters while it trains: watch(model).

Counted on the device that the tensors are on, so that a few numbers are brought over and not the tensors.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch

from runicorn.errors import UsageError
from runicorn.integrations.opening import open_current
from runicorn.sdk.media.histogram import Histogram
from runicorn.sdk.run import Run

BINS = 64
_KINDS = {"gradients": (True, False), "parameters": (False, True), "all": (True, True)}
_watched: weakref.WeakKeyDictionary[torch.nn.Module, Watch] = weakref.WeakKeyDictionary()


def watch(models: Any, criterion: Any = None, log: str = "gradients", log_freq: int = 100, *, run: Run | None = None,
          **_: Any) -> None:  # fmt: skip
    """Record histograms each `log_freq` backward passes: gradients/NAME, parameters/NAME.

    models: one, or several. criterion, idx, log_graph: of W&B's, without a meaning here. log: gradients, parameters or
    all. run: else the one that is current when a pass ends. The step is the one that the next log() without a step
    would take. A model that is watched already is watched anew. Raises UsageError.
    """
    if isinstance(criterion, str):  # watch(model, "all")
        log = criterion
    if log not in _KINDS:
        raise UsageError(f"log={log!r} is not known.", hint="Use gradients, parameters or all.")
    if not isinstance(log_freq, int) or log_freq < 1:
        raise UsageError(f"log_freq={log_freq!r} is no number of passes.", hint="Use 1 or more.")
    gradients, parameters = _KINDS[log]
    chosen = list(_each(models))
    for number, model in enumerate(chosen):
        unwatch(model)
        prefix = f"model_{number}/" if len(chosen) > 1 else ""
        _watched[model] = Watch(model, gradients, parameters, log_freq, prefix, run)


def unwatch(models: Any = None) -> None:
    """Take the hooks away from one model, several, or all."""
    for model in list(_watched) if models is None else list(_each(models)):
        known = _watched.pop(model, None)
        if known is not None:
            known.remove()


class Watch:
    """The hooks in one model. A hook never fails: what cannot be counted is a warning of the run."""

    def __init__(self, model: torch.nn.Module, gradients: bool, parameters: bool, every: int, prefix: str,
                 run: Run | None) -> None:  # fmt: skip
        self._gradients = gradients
        self._parameters = parameters
        self._every = every
        self._prefix = prefix
        self._run = run
        self._pass = 0  # of the backward pass that is going on
        self._step = 0
        self._handles = [
            parameter.register_hook(self._hook(name, parameter))
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        ]

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, name: str, parameter: torch.nn.Parameter) -> Callable[[torch.Tensor], None]:
        known = weakref.ref(parameter)
        seen = 0

        def on_gradient(gradient: torch.Tensor) -> None:
            nonlocal seen
            seen += 1
            if (seen - 1) % self._every == 0:
                self._record(name, gradient, known(), seen)

        return on_gradient

    def _record(self, name: str, gradient: torch.Tensor, parameter: torch.Tensor | None, number: int) -> None:
        run = self._run or open_current()
        if run is None or not run.is_open:
            return
        try:
            if number != self._pass:
                # What is recorded here is itself a step; all of one pass belongs to the first.
                self._pass, self._step = number, 0 if run.step is None else run.step + 1
            found = {}
            if self._gradients:
                found[f"gradients/{self._prefix}{name}"] = histogram(gradient)
            if self._parameters and parameter is not None:
                found[f"parameters/{self._prefix}{name}"] = histogram(parameter)
            run.log({key: value for key, value in found.items() if value is not None}, self._step)
        except Exception as error:  # noqa: BLE001 - inside of somebody's backward pass
            run.warnings.add("watch", f"the gradients of {name[:100]} were not recorded: {error}.")


@torch.no_grad()
def histogram(tensor: torch.Tensor) -> Histogram | None:
    """Return how a tensor's finite values are distributed, or None where there are none."""
    values = tensor.detach()
    if values.is_sparse:
        values = values.coalesce().values()
    values = values.flatten()
    if values.is_complex():
        values = values.abs()
    if values.dtype not in (torch.float32, torch.float64):
        values = values.float()  # histc knows no half precision on some devices
    values = values[torch.isfinite(values)]
    if not values.numel():
        return None
    low, high = (float(each) for each in torch.aminmax(values))
    if not high > low:
        low, high = low - 0.5, high + 0.5
    counts = torch.histc(values, bins=BINS, min=low, max=high).tolist()
    return Histogram(np_histogram=(counts, [low + (high - low) * edge / BINS for edge in range(BINS + 1)]))


def _each(models: Any) -> Iterator[torch.nn.Module]:
    for model in models if isinstance(models, Iterable) and not isinstance(models, torch.nn.Module) else [models]:
        if not isinstance(model, torch.nn.Module):
            raise UsageError(f"{type(model).__name__} is no torch.nn.Module.", hint="Pass the model itself.")
        yield model
