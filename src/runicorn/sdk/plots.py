"""W&B's charts, as the tables that they are drawn from: plot.roc_curve(...) is logged as a Table. Nothing is drawn.

Nothing raises where it is called; what cannot be made of what was given, log() warns of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runicorn.sdk.media.arrays import to_array
from runicorn.sdk.media.base import Encoded, MediaError, Store
from runicorn.sdk.media.table import Table

if TYPE_CHECKING:
    import numpy as np

_MAX_POINTS = 1000  # of a curve


class Chart(Table):
    """A table that is put together when it is logged. make: gives the names of its columns and its rows."""

    def __init__(self, call: str, make: Callable[[], tuple[list[str], list[Any]]], title: Any) -> None:
        super().__init__(caption=None if title is None else str(title))
        self._call = call
        self._make = make

    def encode(self, store: Store) -> Encoded:
        self.columns, self.data = self._make()
        self._assume(f"the numbers of {self._call}, of which no chart is drawn")
        return super().encode(store)


def _of_table(call: str) -> Callable[..., Chart]:
    """Return a chart of some columns of a table, which is kept whole."""

    def chart(table: Any = None, *_: Any, title: Any = None, **__: Any) -> Chart:
        return Chart(call, lambda: _content(table), title)

    return chart


def plot_table(_: Any = None, data_table: Any = None, *__: Any, **___: Any) -> Chart:
    return Chart("plot_table()", lambda: _content(data_table), None)


def line_series(xs: Any = None, ys: Any = None, keys: Any = None, title: Any = None, xname: Any = "x",
                *_: Any, **__: Any) -> Chart:  # fmt: skip
    """Return lines as rows of x, key, y. xs: of all lines, or one for each."""

    def make() -> tuple[list[str], list[Any]]:
        lines = [list(line) for line in ys]
        each = [list(line) for line in xs] if hasattr(xs[0], "__len__") else [list(xs)] * len(lines)
        named = [str(key) for key in keys] if keys is not None else [f"line_{number}" for number in range(len(lines))]
        if not len(each) == len(lines) == len(named):
            raise MediaError(f"{len(lines)} lines have {len(each)} xs and {len(named)} names")
        rows = [
            [x, key, y]
            for key, own, line in zip(named, each, lines, strict=True)
            for x, y in zip(own, line, strict=False)
        ]
        return [str(xname), "key", "y"], rows

    return Chart("plot.line_series()", make, title)


def confusion_matrix(probs: Any = None, y_true: Any = None, preds: Any = None, class_names: Any = None,
                     title: Any = None, *_: Any, **__: Any) -> Chart:  # fmt: skip
    """Return how often each class was taken for each. probs: of shape (samples, classes), instead of preds."""

    def make() -> tuple[list[str], list[Any]]:
        import numpy as np

        truth = _labels(y_true)
        guess = to_array(probs).argmax(axis=1) if preds is None else _labels(preds)
        if len(truth) != len(guess):
            raise MediaError(f"{len(truth)} labels and {len(guess)} predictions do not fit")
        names = [str(name) for name in (class_names if class_names is not None else np.unique([*truth, *guess]))]
        classes: Any = np.unique([*truth, *guess]) if class_names is None else np.arange(len(names))
        if truth.dtype.kind == "U":
            classes = names
        rows = [
            [actual, predicted, int(((truth == a) & (guess == p)).sum())]
            for actual, a in zip(names, classes, strict=True)
            for predicted, p in zip(names, classes, strict=True)
        ]
        return ["Actual", "Predicted", "nPredictions"], rows

    return Chart("plot.confusion_matrix()", make, title)


def roc_curve(y_true: Any = None, y_probas: Any = None, labels: Any = None, classes_to_plot: Any = None,
              title: Any = None, *_: Any, **__: Any) -> Chart:  # fmt: skip
    """Return false and true positive rates for each class. y_probas: of shape (samples, classes)."""

    def rates(hits: np.ndarray, misses: np.ndarray) -> tuple[Any, Any]:
        return misses / max(1, misses[-1]), hits / max(1, hits[-1])

    make = _curves(y_true, y_probas, labels, classes_to_plot, rates)
    return Chart("plot.roc_curve()", lambda: (["class", "fpr", "tpr"], make()), title)


def pr_curve(y_true: Any = None, y_probas: Any = None, labels: Any = None, classes_to_plot: Any = None,
             *_: Any, title: Any = None, **__: Any) -> Chart:  # fmt: skip
    """Return recall and precision for each class. y_probas: of shape (samples, classes)."""

    def rates(hits: np.ndarray, misses: np.ndarray) -> tuple[Any, Any]:
        return hits / max(1, hits[-1]), hits / (hits + misses).clip(1)

    make = _curves(y_true, y_probas, labels, classes_to_plot, rates)
    return Chart("plot.pr_curve()", lambda: (["class", "recall", "precision"], make()), title)


def _curves(y_true: Any, y_probas: Any, labels: Any, chosen: Any,
            rates: Callable[[np.ndarray, np.ndarray], tuple[Any, Any]]) -> Callable[[], list[Any]]:  # fmt: skip
    """Return what gives the rows of a curve for each class, from the highest score to the lowest."""

    def make() -> list[Any]:
        import numpy as np

        truth, scores = to_array(y_true).ravel(), to_array(y_probas)
        if scores.ndim != 2 or len(scores) != len(truth) or not len(truth):
            raise MediaError(f"scores of shape {scores.shape} do not fit {len(truth)} labels")
        known = np.unique(truth) if len(np.unique(truth)) == scores.shape[1] else np.arange(scores.shape[1])
        rows = []
        for at, value in enumerate(known):
            name = str(labels[at]) if labels is not None else str(value)
            if chosen is not None and value not in chosen and name not in chosen:
                continue
            order = np.argsort(-scores[:, at], kind="stable")
            sorted_scores, is_class = scores[order, at], truth[order] == value
            ends = np.append(np.flatnonzero(np.diff(sorted_scores)), len(order) - 1)  # equal scores are one point
            x, y = rates(np.cumsum(is_class), np.cumsum(~is_class))
            picked = ends[np.unique(np.linspace(0, len(ends) - 1, min(_MAX_POINTS, len(ends))).astype(int))]
            rows += [[name, float(x[point]), float(y[point])] for point in picked]
        return rows

    return make


def _labels(given: Any) -> Any:
    """Return labels, numbers or texts, as an array."""
    import numpy as np

    try:
        return to_array(given).ravel()
    except MediaError:
        return np.array([str(each) for each in given])


def _content(table: Any) -> tuple[list[str], list[Any]]:
    if not isinstance(table, Table) and not hasattr(table, "columns"):
        raise MediaError(f"{type(table).__name__} is no table")
    return (table if isinstance(table, Table) else Table(dataframe=table)).content()


BY_NAME: dict[str, Callable[..., Chart]] = {
    **{name: _of_table(f"plot.{name}()") for name in ("line", "scatter", "bar", "histogram")},
    "line_series": line_series,
    "confusion_matrix": confusion_matrix,
    "roc_curve": roc_curve,
    "pr_curve": pr_curve,
    "plot_table": plot_table,
}
