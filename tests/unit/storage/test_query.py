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
