"""W&B's charts are the tables that they are drawn from."""

import itertools

import numpy as np
import pytest

from runicorn.sdk import plots
from runicorn.sdk.media.base import MediaError
from runicorn.sdk.media.table import Table


def rows(chart):
    columns, found = chart._make()
    return [dict(zip(columns, row, strict=True)) for row in found]


def test_lines_have_a_row_for_each_point():
    chart = plots.line_series([0, 1], [[1, 2], [3, 4]], ["a", "b"], "title", "step")
    assert rows(chart)[1] == {"step": 1, "key": "a", "y": 2}
    assert rows(plots.line_series([[0], [5]], [[1], [2]]))[1] == {"x": 5, "key": "line_1", "y": 2}
    assert chart.caption == "title"


def test_a_confusion_matrix_counts_each_pair_of_classes():
    by_name = rows(plots.confusion_matrix(y_true=[0, 1, 1], preds=[0, 0, 1], class_names=["cat", "dog"]))
    assert [row["nPredictions"] for row in by_name] == [1, 0, 1, 1]
    assert by_name[2] == {"Actual": "dog", "Predicted": "cat", "nPredictions": 1}
    assert rows(plots.confusion_matrix([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]], [0, 0, 1]))[1]["nPredictions"] == 1
    assert rows(plots.confusion_matrix(None, ["x", "y"], ["y", "y"]))[1] == {
        "Actual": "x", "Predicted": "y", "nPredictions": 1,
    }  # fmt: skip


def area(points, x, y):
    return sum((b[x] - a[x]) * (a[y] + b[y]) / 2 for a, b in itertools.pairwise(points))


@pytest.mark.parametrize("seed", range(5))
def test_the_area_below_a_roc_curve_is_the_chance_that_a_hit_scores_higher(seed):
    chance = np.random.default_rng(seed)
    truth, scores = chance.integers(0, 2, 400), chance.integers(0, 20, 400) / 20  # many that are equal
    found = rows(plots.roc_curve(truth, np.stack([1 - scores, scores], axis=1), classes_to_plot=[1]))
    hits, misses = scores[truth == 1][:, None], scores[truth == 0][None, :]
    expected = float(((hits > misses) + 0.5 * (hits == misses)).mean())
    assert area([{"fpr": 0, "tpr": 0}, *found], "fpr", "tpr") == pytest.approx(expected)
    assert (found[-1]["fpr"], found[-1]["tpr"]) == (1, 1)


def test_precision_and_recall_are_those_of_each_threshold():
    scores = np.array([0.9, 0.8, 0.7, 0.1])
    found = rows(plots.pr_curve([1, 0, 1, 0], np.stack([1 - scores, scores], axis=1), ["no", "yes"], ["yes"]))
    assert [row["precision"] for row in found] == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])
    assert [row["recall"] for row in found] == [0.5, 0.5, 1, 1]


def test_a_curve_of_many_samples_keeps_a_thousand_points():
    scores = np.linspace(0, 1, 50_000)
    assert len(rows(plots.roc_curve(np.arange(50_000) % 2, np.stack([1 - scores, scores], axis=1), None, [1]))) == 1000


@pytest.mark.parametrize("chart", [
    plots.roc_curve(), plots.pr_curve([1], [1]), plots.confusion_matrix(y_true=[1], preds=[1, 2]),
    plots.line_series([1], [[1], [2]], ["one"]), plots.plot_table("spec", 3), plots.BY_NAME["line"](None),
])  # fmt: skip
def test_what_does_not_fit_together_is_an_error_when_it_is_logged(chart):
    with pytest.raises((MediaError, TypeError, ValueError)):
        chart.encode(lambda media: {})


def test_columns_can_be_added_to_a_table():
    table = Table(["a"], [[1], [2]])
    table.add_column("b", [3])
    assert (table.columns, table.data) == (["a", "b"], [[1, 3], [2, None]])
    assert list(table.get_column("b", convert_to="numpy")) == [3, None]
    empty = Table(columns=[])
    empty.add_column("x", [1, 2])
    assert empty.content() == (["x"], [[1], [2]])
