"""The query language of the run list."""

import pytest

from runicorn.errors import InvalidQueryError
from runicorn.storage.query import parse_query
from runicorn.storage.query_times import Moment, parse_date, parse_duration


class Row:
    def __init__(self, text="", **fields):
        self._text = text.lower()
        self._fields = {name.replace("__", "."): value for name, value in fields.items()}

    def search_text(self):
        return self._text

    def field(self, name):
        return self._fields.get(name)


NOON = 1_793_534_400.0  # 2026-11-01T12:00:00Z

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
    created=NOON,
    duration=9001.0,
    archived=False,
    **{"summary.val/acc": 0.9, "config.my key": 3, "min.loss": 0.1, "max.loss": 1.0, "best.val acc": 0.9},
)
ASKED = Moment(NOON + 2 * 3600)


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
        "wolf or calm",
        "wolf or calm and resnet",
        "(wolf or calm) and not (tag:night or state:failed)",
        "not (wolf)",
        "((calm))",
        '("calm-fox" or wolf) resnet',
        "config.lr = 0.01 or config.missing = 1",
        "name ~ ^calm",
        "name~FOX$",
        "name !~ wolf",
        "config.model ~ ^res(net|next)[0-9]+$",
        'config.model ~ "net\\d{2}"',
        "(name ~ ^(calm|red)-fox$ or wolf)",
        'config."my key" ~ 3',
        "config.lr ~ ^0.01$",
        "tags ~ ^base",
        'tags = "night run"',
        "tags != wolf",
        "min.loss < 0.2 and max.loss >= 1",
        'best."val acc" > 0.8',
        "created > 2026-10-31",
        "created = 2026-11-01",
        "created >= 2026-11-01 and created <= 2026-11-01",
        'created = "2026-11-01 12"',
        "created != 2026-11-02",
        "created > -7d",
        "created > 7d ago and not created > 1h ago",
        "created = today",
        "created < now",
        "duration > 2h30m",
        "duration >= 9001s and duration < 1d",
        "archived = false",
    ],
)
def test_these_match(query):
    assert parse_query(query, ASKED)(ROW)


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
        "wolf or bear",
        "calm and (wolf or bear)",
        "not (calm or wolf)",
        "name ~ ^fox",
        "name !~ fox",
        "config.missing !~ fox",
        "config.model ~ ^net",
        "tags !~ base",
        "tags = base",
        "mean.loss < 1",
        "created > 2026-11-01",
        "created < 2026-11-01",
        "created > 1h ago",
        "created = yesterday",
        "finished < now",
        "duration > 3h",
        "archived = true",
    ],
)
def test_these_do_not_match(query):
    assert not parse_query(query, ASKED)(ROW)


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("config.lr <", 12),
        ("< 3", 1),
        ("calm and", 9),
        ("and calm", 1),
        ("not", 4),
        ("calm or", 8),
        ("or calm", 1),
        ("(calm or fox", 1),
        ("calm or fox)", 12),
        ("(config.lr < 1", 1),
        ("config.lr < 1 and (min.v", 19),
        ("not (calm", 5),
        ("a () b", 4),
        ("(and calm)", 2),
        ("config.lr ~", 12),
        ("config.lr ~ (a", 15),
        ('name ~ "fox[a"', 14),
        ('name ~ "a{3,2}"', 11),
        ("created > soon", 11),
        ("created > 7d", 11),
        ("created ~ 2026", 11),
        ("created > 2026-02-30", 11),
        ("duration > long", 12),
        ("tags < a", 8),
        ("min < 3", 1),
        ("(" * 60 + "a" + ")" * 60, 51),
        ('say "hello', 5),
        ("lr < 3", 1),
        ("tag:", 5),
        ("config.lr < = 3", 13),
    ],
)
def test_a_mistake_is_reported_where_it_is(query, where):
    with pytest.raises(InvalidQueryError, match=rf"at character {where} of the query") as caught:
        parse_query(query)
    assert caught.value.position == where - 1


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


NAMES = "calm f(2) 1) (calm (x) a~b ~ and"


@pytest.mark.parametrize(
    "query",
    [
        "f(2)",
        "1)",
        "(calm",
        "(x)",
        "a~b",
        "~",
        "calm ~ a~b",
        '"and"',
        "config.x = f(2)",
        "config.x = 1)",
        "config.f(2) = 1",
    ],
)
def test_what_stands_in_names_is_found_as_it_was_before_there_were_groups(query):
    row = Row(NAMES, **{"config.f(2)": 1}, config__x="f(2)" if "f(2)" in query else "1)")
    assert parse_query(query)(row)


@pytest.mark.parametrize("query", ["config.k~y = 1", 'config."k~y" = 1', "config.k~y=1"])
def test_a_tilde_in_a_key_that_is_compared_belongs_to_it(query):
    assert parse_query(query)(Row(**{"config.k~y": 1}))


def test_a_regular_expression_that_explodes_is_given_up_and_its_place_told():
    rows = [Row(name="a" * 400 + f"b{number}") for number in range(10_000)]
    for pattern in ("^(a+)+$", "(a|aa)+$"):
        found = parse_query(f"name ~ {pattern}")
        with pytest.raises(InvalidQueryError, match="takes too long over these runs") as caught:
            for row in rows:
                found(row)
        assert caught.value.position == len("name ~ ")


@pytest.mark.parametrize(
    ("text", "secs"),
    [("2h30m", 9000), ("1.5d", 129600), ("90", 90), ("500ms", 0.5), ("1w", 604800), ("1d2h3m4s", 93784)],
)
def test_durations(text, secs):
    assert parse_duration(text) == secs


@pytest.mark.parametrize("text", ["", "h", "2x", "2h30", "1_0", "nan", "inf", "1e300", "-"])
def test_no_durations(text):
    assert parse_duration(text) is None


def test_a_date_is_all_of_its_day_on_the_clock_of_who_asks():
    berlin = Moment(NOON, utc_offset_secs=3600)
    assert parse_date("2026-11-01", berlin).start == NOON - 13 * 3600
    assert parse_date("2026-11-01T13:00", berlin).start == NOON
    assert parse_date("2026-11-01T13:00", berlin).end == NOON + 60
    assert parse_date("2026-11-01T12:00Z", berlin).start == NOON
    assert parse_date("2026-11-01T06:30-05:30", berlin).start == NOON
    assert parse_date("2026-12", berlin).end - parse_date("2026-12", berlin).start == 31 * 86400
    assert parse_date("2026", berlin).end - parse_date("2026", berlin).start == 365 * 86400
    assert parse_date("today", berlin).start == NOON - 13 * 3600
    for text in (
        "0000-01-01",
        "2026-13-01",
        "2026-02-29",
        "9999",
        "9999-12-31",
        "20261101",
        "2026-11-01T25",
        "7d",
        "--7d",
    ):
        assert parse_date(text, berlin) is None, text
