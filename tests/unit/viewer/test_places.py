"""What a short event id stands for."""

from hypothesis import given
from hypothesis import strategies as st

from runicorn.sources.folder import Place
from runicorn.viewer import places
from runicorn.viewer.cursors import Cursor, SourceCursor
from runicorn.viewer.places import Journal, PlaceBook

RUNS = [f"r{number}" for number in range(6)]


def cursor():
    return Cursor(1.0, {"local": SourceCursor(5, {run: Place({"metrics.bin": 0}) for run in RUNS})})


MOVES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(RUNS), st.one_of(st.none(), st.integers(1, 1000))),
        st.tuples(st.none(), st.integers(6, 100)),
        st.just("event"),
    ),
    max_size=60,
)


@given(MOVES)
def test_any_earlier_event_is_found_again(moves):
    journal = Journal(cursor())
    expected = {}
    now = cursor().sources["local"]
    number = 0
    for move in moves:
        if move == "event":
            number += 1
            journal.event_id(2.0)
            expected[number] = (now.version, {run: dict(place.offsets) for run, place in now.runs.items()})
        elif move[0] is None:
            now.version = move[1]
            journal.see("local", move[1])
        else:
            run, offset = move
            place = None if offset is None else Place({"metrics.bin": offset})
            journal.move("local", run, place)
            if place is None:
                now.runs.pop(run, None)
            else:
                now.runs[run] = place
    for each, (version, runs) in expected.items():
        found = journal.at(each).sources["local"]
        assert (found.version, {run: place.offsets for run, place in found.runs.items()}) == (version, runs)
    assert journal.at(number + 1) is None


def test_few_runs_stand_in_the_id_itself():
    journal = Journal(Cursor(1.0, {"local": SourceCursor(5, {"r": Place({"metrics.bin": 64})})}))
    assert Cursor.decode(journal.event_id(2.0)).sources["local"].runs["r"].offsets == {"metrics.bin": 64}


def test_what_lies_too_far_back_is_not_known(monkeypatch):
    monkeypatch.setattr(places, "_MAX_EVENTS", 10)
    book = PlaceBook()
    journal = book.open(cursor())
    ids = []
    for offset in range(1, 30):
        journal.move("local", "r1", Place({"metrics.bin": offset}))
        ids.append(journal.event_id(2.0))
    assert book.find(ids[0]) is None
    assert book.find(ids[-1]).sources["local"].runs["r1"].offsets == {"metrics.bin": 29}
    assert book.find("~unknown.3") is None
    assert book.find(f"~{journal.token}.{'9' * 400}") is None


def test_old_streams_are_forgotten(monkeypatch):
    moment = [0.0]
    book = PlaceBook(lambda: moment[0])
    first = book.open(cursor()).event_id(2.0)
    moment[0] += 3600
    book.open(cursor())
    assert book.find(first) is None
    for _ in range(200):
        book.open(cursor())
    assert len(book._journals) <= 64
