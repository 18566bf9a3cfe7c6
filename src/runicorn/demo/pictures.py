"""What the sample runs log besides numbers: pictures that clear up as the loss falls, weights, predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from runicorn.demo.samples import Experiment

_CLASSES = ("ring", "stripes", "checks", "disc")
_SIDE = 72


def media(experiment: Experiment, step: int, loss: float) -> dict[str, Any]:
    """Return values for log(): four generated pictures, the weights' distribution, a table of predictions."""
    import runicorn as rn

    chance = np.random.default_rng(experiment.seed * 100_003 + step)
    blur = float(min(1.0, max(0.05, loss / 2.5)))
    pictures = [(1 - blur) * _shape(at) + blur * chance.random((_SIDE, _SIDE, 3)) for at in range(len(_CLASSES))]
    table = rn.Table(columns=["picture", "label", "prediction", "confidence"])
    for at, picture in enumerate(pictures):
        right = chance.random() > blur
        guess = _CLASSES[at] if right else _CLASSES[int(chance.integers(len(_CLASSES)))]
        table.add_data(rn.Image(picture), _CLASSES[at], guess, round(float(1 - blur * chance.random()), 3))
    return {
        "samples": [rn.Image(picture, caption=name) for picture, name in zip(pictures, _CLASSES, strict=True)],
        "weights/stem": rn.Histogram(chance.normal(0, 0.2 + 1 / (1 + step / 200), 4000)),
        "predictions": table,
    }


def _shape(number: int) -> Any:
    """Return one of four shapes as floats from 0 to 1, (height, width, 3)."""
    y, x = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j]
    radius = np.hypot(x, y)
    mask = (
        np.abs(radius - 0.6) < 0.18,
        np.sin((x + y) * 9) > 0,
        (np.floor(x * 3) + np.floor(y * 3)) % 2 == 0,
        radius < 0.7,
    )[number]
    colours = ((0.93, 0.46, 0.18), (0.2, 0.52, 0.86), (0.36, 0.3, 0.78), (0.1, 0.62, 0.46))
    return np.where(mask[:, :, None], np.array(colours[number]), 0.94)
