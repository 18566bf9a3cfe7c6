"""Events are decoded as they were put in, by tensorboardX's own messages, in all the forms that writers have used."""

import math
import struct

import pytest
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.summary import hparams as hparams_of_tensorboardx
from tests.support.event_files import (
    BFLOAT16,
    DOUBLE,
    FLOAT,
    HALF,
    STRING,
    event,
    histogram,
    image,
    metadata,
    plugin_value,
    scalar,
    tensor,
)

from runicorn.storage.tensorboard import decode
from runicorn.storage.tensorboard.decode import Histogram, Images, Passed, Plugins, Scalar, Sounds, Texts
from runicorn.storage.tensorboard.hparams import HParams
from runicorn.storage.tensorboard.wire import WireError


def decoded(message, plugins=None):
    data = message.SerializeToString()
    return data, decode.decode(data, 0, len(data), plugins or Plugins())


def only(message, plugins=None):
    (value,) = decoded(message, plugins)[1].values
    return value


def float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


@pytest.mark.parametrize("step", [0, 1, 2**40, -1, -(2**63), 2**63 - 1])
def test_step_and_time_are_exact(step):
    found = decoded(event(scalar("a", 1.0), step=step, time=1_764_000_000.1234567))[1]
    assert (found.step, found.wall_time) == (step, 1_764_000_000.1234567)


@pytest.mark.parametrize("value", [0.1, -0.0, math.inf, -math.inf, math.nan, 1e-45])
def test_a_plain_scalar_keeps_its_value(value):
    found = only(event(scalar("loss/train", value)))
    assert found.tag == "loss/train"
    assert struct.pack("<d", found.value) == struct.pack("<d", float32(value))


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (tensor(FLOAT, float_val=[0.1]), float32(0.1)),
        (tensor(DOUBLE, double_val=[0.1]), 0.1),
        (tensor(DOUBLE, tensor_content=struct.pack("<d", 0.1)), 0.1),
        (tensor(FLOAT, [1], tensor_content=struct.pack("<f", 2.5)), 2.5),
        (tensor(HALF, half_val=[0x3E00]), 1.5),
        (tensor(HALF, tensor_content=b"\x00\x3e"), 1.5),
        (tensor(BFLOAT16, half_val=[0x3FC0]), 1.5),
        (tensor(BFLOAT16, tensor_content=b"\xc0\x3f"), 1.5),
        (tensor(3, int_val=[-7]), -7.0),
        (tensor(9, int64_val=[2**40]), float(2**40)),
        (tensor(10, bool_val=[True]), 1.0),
        (tensor(23, tensor_content=(2**63).to_bytes(8, "little")), float(2**63)),
    ],
)
def test_a_scalar_in_a_tensor_is_read_in_every_form(body, value):
    assert only(event(plugin_value("x", "scalars", body))) == Scalar("x", value)


def test_the_plugin_is_remembered_from_a_tags_first_value():
    plugins = Plugins()
    words = tensor(STRING, [1], string_val=[b"one"])
    only(event(plugin_value("t/text_summary", "text", words)), plugins)
    data, found = decoded(event(plugin_value("t/text_summary", None, words)), plugins)
    assert found.values == (Texts("t", ((data.index(b"one"), data.index(b"one") + 3),)),)


def test_an_old_image_is_where_its_bytes_lie():
    data, found = decoded(event(image("pic", b"PNGBYTES", 10, 8)))
    (value,) = found.values
    assert value == Images("pic", ((data.index(b"PNGBYTES"), data.index(b"PNGBYTES") + 8),), 10, 8)


def test_new_images_come_after_their_size():
    body = tensor(STRING, [4], string_val=[b"10", b"8", b"FIRST", b"SECOND"])
    data, found = decoded(event(plugin_value("pics", "images", body)))
    (value,) = found.values
    assert (value.width, value.height) == (10, 8)
    assert [data[a:b] for a, b in value.spans] == [b"FIRST", b"SECOND"]


def test_images_without_their_size_are_none():
    assert only(event(plugin_value("pics", "images", tensor(STRING, [0])))) == Images("pics", ())


def test_new_sounds_come_with_labels_that_are_left_out():
    body = tensor(STRING, [2, 2], string_val=[b"WAV1", b"label", b"WAV2", b"label"])
    data, found = decoded(event(plugin_value("s", "audio", body)))
    assert [data[a:b] for a, b in found.values[0].spans] == [b"WAV1", b"WAV2"]


def test_an_old_sound_tells_its_rate():
    audio = Summary.Audio(sample_rate=8000, length_frames=4000, encoded_audio_string=b"WAV")
    found = only(event(Summary.Value(tag="s", audio=audio)))
    assert isinstance(found, Sounds)
    assert (found.sample_rate, found.duration_secs) == (8000.0, 0.5)


def test_an_old_histogram_keeps_within_the_values_and_drops_empty_ends():
    value = histogram("h", min=-1.0, max=3.0, bucket_limit=[-2, 0, 2, 1.8e308], bucket=[0, 4, 0, 5])
    assert only(event(value)) == Histogram("h", (-1.0, 0.0, 2.0, 3.0), (4.0, 0.0, 5.0))


def test_neighbouring_empty_buckets_are_one():
    value = histogram("h", min=0, max=9, bucket_limit=[1, 2, 3, 4, 9], bucket=[4, 0, 0, 0, 5])
    assert only(event(value)) == Histogram("h", (0.0, 1.0, 4.0, 9.0), (4.0, 0.0, 5.0))


def test_a_new_histogram_is_rows_of_left_right_count():
    body = tensor(DOUBLE, [2, 3], tensor_content=struct.pack("<6d", 0, 1, 5, 1, 2, 7))
    assert only(event(plugin_value("h", "histograms", body))) == Histogram("h", (0.0, 1.0, 2.0), (5.0, 7.0))


def test_hyperparameters_of_add_hparams_are_config():
    given = {"lr": 0.1, "batch": 32, "opt": "adam", "nesterov": True, "decay": float("nan")}
    _, session, _ = hparams_of_tensorboardx(given, {"acc": 0.9})
    data = event(*session.value)
    expected = {"lr": 0.1, "batch": 32, "opt": "adam", "nesterov": True, "decay": "NaN"}
    assert only(data) == HParams(expected)


def test_what_there_is_no_place_for_is_told():
    assert only(event(plugin_value("p", "pr_curves", tensor(FLOAT, [6, 9])))) == Passed("p", "pr_curves")


def test_a_tensor_that_lacks_its_numbers_repeats_the_last():
    body = tensor(DOUBLE, [2, 3], double_val=[0, 1, 2])
    assert only(event(plugin_value("h", "histograms", body))) is not None


def test_a_scalar_whose_bytes_end_within_a_number_is_an_error_of_ours():
    with pytest.raises(WireError):
        only(event(plugin_value("x", "scalars", tensor(DOUBLE, tensor_content=b"123"))))


def test_an_event_without_values_is_just_that():
    assert decoded(event())[1].values == ()


def test_metadata_alone_names_the_plugin_of_later_values():
    plugins = Plugins()
    decoded(event(Summary.Value(tag="x", metadata=metadata("scalars"))), plugins)
    assert plugins.by_tag == {"x": "scalars"}
