"""Whatever bytes an event file holds, the records before the damage are read, and nothing but our own errors arise."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from tensorboardX.proto.event_pb2 import Event
from tests.support.event_files import event, scalar

from runicorn.storage.tensorboard import checksums, decode, hparams, tensors, wire
from runicorn.storage.tensorboard.decode import Plugins, Scalar
from runicorn.storage.tensorboard.framing import framed, frames
from runicorn.storage.tensorboard.translate import Piece, Translator
from runicorn.storage.tensorboard.wire import WireError

CONTENTS = st.lists(st.binary(max_size=40), max_size=8)


@given(CONTENTS)
def test_frames_survive_the_round_trip(contents):
    data = b"".join(map(framed, contents))
    assert [data[a:b] for a, b in frames(data).spans] == contents


@given(CONTENTS, st.data())
def test_a_cut_anywhere_leaves_exactly_the_whole_records_before_it(contents, data):
    whole = b"".join(map(framed, contents))
    cut = data.draw(st.integers(0, len(whole)))
    found = frames(whole[:cut])
    lengths = [16 + len(content) for content in contents]
    fits = sum(1 for n in range(1, len(lengths) + 1) if sum(lengths[:n]) <= cut)
    assert len(found.spans) == fits
    assert found.consumed == sum(lengths[:fits])


@given(CONTENTS, st.binary(min_size=12, max_size=60))
def test_garbage_after_records_costs_none_of_them(contents, garbage):
    whole = b"".join(map(framed, contents))
    found = frames(whole + garbage)
    assert [whole[a:b] for a, b in found.spans[: len(contents)]] == contents


@given(st.binary(max_size=200))
def test_garbage_in_a_record_is_an_error_of_ours_or_nothing(data):
    for read in (
        lambda: decode.decode(data, 0, len(data), Plugins()),
        lambda: tensors.decode(data, 0, len(data)),
        lambda: hparams.decode(data),
        lambda: list(wire.fields(data)),
    ):
        with contextlib.suppress(WireError):
            read()


MESSAGES = st.builds(
    event,
    st.builds(scalar, st.text(max_size=8), st.floats(width=32)),
    step=st.integers(-(2**63), 2**63 - 1),
    time=st.floats(),
).map(Event.SerializeToString)


@given(MESSAGES)
def test_scalars_are_what_tensorboardx_reads(message):
    ours = decode.decode(message, 0, len(message), Plugins())
    theirs = Event.FromString(message)
    (value,) = theirs.summary.value
    assert ours.step == theirs.step
    assert ours.wall_time == theirs.wall_time or ours.wall_time != ours.wall_time
    assert len(ours.values) == 1
    assert isinstance(ours.values[0], Scalar)
    assert ours.values[0].tag == value.tag
    assert repr(ours.values[0].value) == repr(value.simple_value)


@given(st.lists(st.one_of(MESSAGES, st.binary(max_size=60)), max_size=8))
def test_a_translators_state_survives_the_round_trip_whatever_it_read(contents):
    data = b"".join(map(framed, contents))
    translator = Translator()
    translator.take(Piece(data, frames(data).spans, 0, 0))
    again = Translator.from_json(translator.to_json())
    assert repr(again.to_json()) == repr(translator.to_json())
    piece = Piece(framed(contents[0]), frames(framed(contents[0])).spans, 0, 0) if contents else Piece(b"", (), 0, 0)
    assert again.take(piece) == translator.take(piece)


@given(st.lists(st.one_of(st.binary(max_size=40), st.binary(min_size=400, max_size=3000)), max_size=30), st.data())
def test_checksums_of_many_records_are_those_of_each(contents, data):
    whole = b"".join(map(framed, contents))
    spans = frames(whole).spans
    assert checksums.intact(whole, spans) == [True] * len(contents)
    filled = [at for at, content in enumerate(contents) if content]
    if filled:
        at = data.draw(st.sampled_from(filled))
        broken = bytearray(whole)
        broken[data.draw(st.integers(spans[at][0], spans[at][1] - 1))] ^= 1 << data.draw(st.integers(0, 7))
        assert checksums.intact(bytes(broken), spans) == [each != at for each in range(len(contents))]
