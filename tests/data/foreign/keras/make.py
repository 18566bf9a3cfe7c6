"""Makes the files of this folder with Keras's own CSVLogger. Not a part of the tests; README.md says how."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"

from pathlib import Path

import keras
import numpy as np

HERE = Path(__file__).parent


def fit(*callbacks: keras.callbacks.Callback, epochs: int, start: int = 0) -> None:
    keras.utils.set_random_seed(7)
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.random.default_rng(7).normal(size=(64, 4)), np.arange(64) % 3
    model.fit(x, y, epochs=epochs, initial_epoch=start, validation_split=0.25, verbose=0, callbacks=list(callbacks))


class Lists(keras.callbacks.Callback):
    """Puts a list into the logs, which the logger writes as a quoted text."""

    def on_epoch_end(self, epoch: int, logs: dict[str, object] | None = None) -> None:
        if logs is not None:
            logs["per_class"] = [0.5, epoch / 4]


def main() -> None:
    os.chdir(HERE)
    for old in Path().glob("*.csv"):
        old.unlink()
    fit(keras.callbacks.CSVLogger("training.csv"), epochs=5)
    fit(keras.callbacks.CSVLogger("training.csv", append=True), epochs=8, start=5)
    fit(Lists(), keras.callbacks.CSVLogger("semicolons.csv", separator=";"), epochs=3)


if __name__ == "__main__":
    main()
