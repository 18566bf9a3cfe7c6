"""The query language of the run list."""

import pytest

from runicorn.errors import InvalidQueryError
from runicorn.storage.query import parse_query


class Row:
    def __init__(self, text="", **fields):
        self._text = text.lower()
        self._fields = {name.replace("__", "."): value for name, value in fields.items()}

    def search_text(self):
        return self._text

    def field(self, name):
        return self._fields.get(name)


ROW = Row(
    "calm-fox\nvision/resnet\nbaseline",
    tags=("baseline", "Night run"),
    state="running",
    name="calm-fox",
    config__lr=0.01,
    config__model="ResNet50",
    config__amp=True,
    config__batch=64,
    summary__loss="NaN",
    **{"summary.val/acc": 0.9, "config.my key": 3},
)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "calm",
        "CALM resnet",
        '"calm-fox"',
        "calm and resnet",
        "tag:baseline",
        'tag:"night run"',
        "state:running",
        "config.lr = 0.01",
        "config.lr=1e-2",
        "config.lr<0.02 and config.lr >= 0.01",
        "config.lr != 0.1",
        "config.lr == .01",
        "config.model = resnet50",
        'config.model = "ResNet50"',
        "config.amp = true",
        "config.batch > 9",
        "summary.val/acc >= 0.9",
        "summary.loss = nan",
        'config."my key" = 3',
        "not tag:night",
        "not not calm",
        "not config.lr > 1",
        "name = calm-fox",
        'not "or"',
    ],
)
def test_these_match(query):
    assert parse_query(query)(ROW)


@pytest.mark.parametrize(
    "query",
    [
        "wolf",
        "calm wolf",
        "tag:base",
        "state:failed",
        "config.lr > 0.01",
        "config.missing = 1",
        "config.missing != 1",
        "config.model < 5",
        "config.amp = 1",
        "summary.loss < 1",
        "not calm",
    ],
)
def test_these_do_not_match(query):
    assert not parse_query(query)(ROW)


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("config.lr <", 12),
        ("< 3", 1),
        ("calm and", 9),
        ("and calm", 1),
        ("not", 4),
        ("calm or fox", 6),
        ('say "hello', 5),
        ("lr < 3", 1),
        ("tag:", 5),
        ("config.lr < = 3", 13),
    ],
)
def test_a_mistake_is_reported_where_it_is(query, where):
    with pytest.raises(InvalidQueryError, match=rf"at character {where} of the query"):
        parse_query(query)


def matching(query, **values):
    """Return which of these values of config.x match."""
    predicate = parse_query(query)
    return [name for name, value in values.items() if predicate(Row(config__x=value))]


MIXED = {
    "number": 0.001,
    "text": "1e-3",
    "big": 1,
    "big_text": " 1.0 ",
    "word": "auto",
    "dash": "-",
    "truth": True,
    "truth_text": "True",
    "none": None,
    "list": [1, 2],
    "nan": "NaN",
    "nan_text": "nan",
    "inf": "Infinity",
    "inf_text": "inf",
    "low": "-Infinity",
}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("config.x < 0.01", ["number", "text", "low"]),
        ("config.x >= 1", ["big", "big_text", "inf", "inf_text"]),
        ("config.x = 0.001", ["number", "text"]),
        ('config.x = "0.001"', ["number"]),
        ('config.x = "1e-3"', ["number", "text"]),
        ("config.x != 1", [name for name in MIXED if name not in ("big", "big_text", "truth", "none")]),
        ("config.x = true", ["truth", "truth_text"]),
        ('config.x = "True"', ["truth", "truth_text"]),
        ("config.x = auto", ["word"]),
        ("config.x = none", []),
        ("config.x = [1,2]", ["list"]),
        ('config.x = "[1, 2]"', ["list"]),
        ("config.x = nan", ["nan", "nan_text"]),
        ("config.x = inf", ["inf", "inf_text"]),
        ("config.x = Infinity", ["inf", "inf_text"]),
        ("config.x = -inf", ["low"]),
        ("config.x < inf", ["number", "text", "big", "big_text", "low"]),
    ],
)
def test_numbers_are_found_whether_they_are_numbers_or_texts(query, found):
    assert matching(query, **MIXED) == found
    in_summary = parse_query(query.replace("config.", "summary."))
    assert [name for name, value in MIXED.items() if in_summary(Row(summary__x=value))] == found


def test_integers_are_compared_with_all_their_digits():
    seeds = {"a": 2**53, "b": 2**53 + 1, "c": str(2**53 + 1), "huge": 10**400}
    assert matching(f"config.x = {2**53 + 1}", **seeds) == ["b", "c"]
    assert matching("config.x > 1e300", **seeds) == ["huge"]


def test_an_id_or_a_name_is_a_text_that_numbers_are_in_order_with():
    assert parse_query("id > 20240101")(Row(id="20240115-093015-abcdef"))
    assert not parse_query("id > 20240201")(Row(id="20240115-093015-abcdef"))
