"""What is logged besides numbers: it is found again as it was, and nothing that is passed stops training."""

import io
import json
import wave

import numpy as np
import pytest
from PIL import Image as Pillow

import runicorn as rn


@pytest.fixture
def run(tmp_path):
    opened = rn.init("media", root=tmp_path, console=False, system_metrics=False)
    yield opened
    opened.finish()


def events(run):
    path = run.dir / "events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def logged(run, value, **options):
    """Log one value; return its event's items."""
    run.log({"key": value}, **options)
    return events(run)[-1]["items"]


def content(run, item):
    return (run.dir / item["file"]).read_bytes()


def pixels(run, item):
    return np.asarray(Pillow.open(io.BytesIO(content(run, item))))


def test_a_picture_lies_beside_the_numbers_of_its_step(run):
    run.log({"loss": 0.5, "sample": rn.Image(np.zeros((4, 6, 3), np.uint8), caption="black")}, step=7)
    (event,) = events(run)
    assert (event["type"], event["key"], event["step"]) == ("image", "sample", 7)
    (item,) = event["items"]
    assert (item["width"], item["height"], item["caption"]) == (6, 4, "black")
    assert item["file"].startswith("media/sample_7_")
    run.finish()
    assert json.loads((run.dir / "status.json").read_text())["metrics"]["loss"]["count"] == 1


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 2), (5, 7, 3), (5, 7, 4)])
def test_pixels_are_kept_exactly(run, shape):
    given = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    (item,) = logged(run, rn.Image(given))
    assert np.array_equal(pixels(run, item), given.squeeze())


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        (np.full((3, 2, 2), 0.5), 128), (np.full((2, 2), -1.0), 0), (np.full((2, 2), 1.0), 255),
        (np.full((2, 2), 200.0), 200), (np.full((2, 2), np.nan), 0), (np.full((2, 2), np.inf), 255),
        (np.full((2, 2), True), 255), (np.full((2, 2), 999), 255), (np.full((1, 2, 2), 7, np.uint8), 7),
        ([[0.0, 0.0], [0.0, 0.0]], 0),
    ],
)  # fmt: skip
def test_arrays_of_all_types_become_pictures(run, given, seen):
    (item,) = logged(run, rn.Image(given))
    assert set(pixels(run, item).ravel().tolist()) == {seen}


NOISE = np.random.default_rng(0).random((32, 32))


def with_one(value, array=NOISE):
    array = array.copy()
    array[0, 0] = value
    return array


@pytest.mark.parametrize(("given", "expected"), [
    (with_one(1.001), NOISE * 255), (with_one(-0.001), NOISE * 255), (with_one(40.0), NOISE * 255),
    (with_one(-0.9), NOISE * 255), (with_one(np.inf), NOISE * 255), (with_one(np.nan), NOISE * 255),
    (NOISE * 1.2 - 0.01, (NOISE * 1.2 - 0.01).clip(0, 1) * 255),
    (NOISE * 2 - 1, NOISE * 255), (NOISE * 2.2 - 1.1, (NOISE * 1.1 - 0.05).clip(0, 1) * 255),
    (NOISE * 255, NOISE * 255), (with_one(255.5, NOISE * 255), NOISE * 255), (with_one(-3.2, NOISE * 255), NOISE * 255),
    ((NOISE * 255).round(), NOISE * 255), (NOISE.astype(np.float16), NOISE * 255),
    (NOISE * 4.7 - 2.1, (NOISE - NOISE.min()) / np.ptp(NOISE) * 255),
    ((NOISE > 0.5).astype(int), (NOISE > 0.5) * 255), ((NOISE > 0.5).astype(float), (NOISE > 0.5) * 255),
    (NOISE > 0.5, (NOISE > 0.5) * 255), ((NOISE * 65535).astype(np.uint16), NOISE / NOISE.max() * 255),
    ((NOISE * 3).round(), (NOISE * 3).round()), ((NOISE * 3).astype(int), (NOISE * 3).astype(int)),
    (np.where(NOISE > 0.995, NOISE * 200, 0), np.where(NOISE > 0.995, NOISE * 200, 0)),
])  # fmt: skip
def test_what_numbers_stand_for_is_judged_over_the_whole_picture(run, given, expected):
    seen = pixels(run, logged(run, rn.Image(given))[0]).astype(float)
    assert np.abs(seen - expected)[1:].max() <= 1


def test_a_picture_is_never_stretched_where_that_is_not_wanted(run):
    assert pixels(run, logged(run, rn.Image(np.full((2, 2), 0.9), normalize=False))[0]).max() == 1


def test_where_nan_is_it_is_black_and_infinity_white(run):
    given = np.array([[np.nan, np.inf], [-np.inf, -1.0], [1.0, 0.5], [-0.5, -0.5]])
    assert pixels(run, logged(run, rn.Image(given))[0]).tolist() == [[0, 255], [0, 0], [255, 191], [64, 64]]


def test_what_was_assumed_of_a_picture_is_said_once(run, capsys):
    for _ in range(3):
        run.log({"plain": rn.Image(NOISE), "signed": rn.Image(NOISE * 2 - 1), "whole": rn.Image(NOISE * 255)})
        run.log({"sample": rn.Image(with_one(1.001)), "cell": rn.Table(["a"], [[rn.Image(with_one(1.5))]])})
        run.log({"frames": rn.Video(np.stack([with_one(1.001)] * 2))})
    said = capsys.readouterr().err
    assert "the image 'sample' has numbers from" in said
    assert "to 1.001: taken as 0 to 1" in said
    assert "the video 'frames' has" in said
    assert said.count("runicorn:") == 2


def test_several_pictures_of_one_key_are_one_event(run):
    items = logged(run, [rn.Image(np.full((2, 2), value, np.uint8)) for value in range(3)])
    assert [int(pixels(run, item)[0, 0]) for item in items] == [0, 1, 2]


def test_a_list_of_several_kinds_is_an_event_of_each(run):
    run.log({"key": [rn.Image(np.zeros((2, 2))), "text", rn.Image(np.ones((2, 2)))]})
    assert [(event["type"], len(event["items"])) for event in events(run)] == [("image", 2), ("text", 1)]


def test_the_same_picture_twice_is_one_file(run):
    items = logged(run, [rn.Image(np.zeros((2, 2)))] * 2)
    assert items[0]["file"] == items[1]["file"]


def test_pictures_of_pil_and_of_files_are_kept(run, tmp_path):
    picture = Pillow.new("CMYK", (3, 2))
    path = tmp_path / "photo.jpg"
    picture.save(path)
    assert pixels(run, logged(run, picture)[0]).shape == (2, 3, 3)
    assert pixels(run, logged(run, rn.Image(picture, mode="L"))[0]).shape == (2, 3)
    assert content(run, logged(run, rn.Image(path))[0]) == path.read_bytes()
    assert content(run, logged(run, rn.Image(np.zeros((8, 8, 3)), file_type="jpg"))[0]).startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("samples", "first"),
    [(np.array([1.0, -1.0, 0.0]), 32767), (np.array([[1.0, 0.5]] * 8), 32767), (np.array([5, 6], np.int16), 5),
     (np.array([255, 0], np.uint8), 32512), (np.array([2**31 - 1, 0], np.int32), 32767)],
)  # fmt: skip
def test_sound_is_a_wav_file(run, samples, first):
    (item,) = logged(run, rn.Audio(samples, sample_rate=8000, caption="beep"))
    with wave.open(io.BytesIO(content(run, item))) as file:
        assert (file.getframerate(), file.getnframes()) == (8000, len(samples))
        assert int.from_bytes(file.readframes(1)[:2], "little", signed=True) == pytest.approx(first, abs=1)
    assert item["duration_secs"] == len(samples) / 8000


def test_frames_become_a_moving_picture(run):
    frames = np.random.default_rng(0).integers(0, 256, (5, 3, 6, 8), dtype=np.uint8)
    (item,) = logged(run, rn.Video(frames, fps=10))
    assert Pillow.open(io.BytesIO(content(run, item))).n_frames == 5
    assert (item["width"], item["height"], item["fps"]) == (8, 6, 10.0)


def test_text_is_kept_long_or_short(run):
    assert logged(run, rn.Text("hello **world**")) == [{"text": "hello **world**"}]
    assert logged(run, "plain text") == [{"text": "plain text"}]
    (item,) = logged(run, "x" * 50_000)
    assert content(run, item) == b"x" * 50_000


def test_a_table_keeps_its_cells_pictures_among_them(run):
    table = rn.Table(columns=["id", "score", "picture"])
    table.add_data(1, float("nan"), rn.Image(np.zeros((2, 2))))
    (item,) = logged(run, table)
    body = json.loads(content(run, item))
    assert (item["rows"], body["columns"]) == (1, ["id", "score", "picture"])
    ((number, score, picture),) = body["data"]
    assert (number, score, picture["_type"]) == (1, "NaN", "image")
    assert pixels(run, picture).shape == (2, 2)


def test_a_data_frame_is_a_table(run):
    pandas = pytest.importorskip("pandas")
    (item,) = logged(run, pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    assert json.loads(content(run, item)) == {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]}


def test_a_histogram_counts_what_is_finite(run):
    (item,) = logged(run, rn.Histogram([0.0, 0.0, 1.0, float("nan"), float("inf")], num_bins=2))
    assert item == {"edges": [0.0, 0.5, 1.0], "counts": [2.0, 1.0], "omitted": 2}
    assert logged(run, np.zeros(10))[0]["counts"].count(10.0) == 1
    known = np.histogram([1, 2, 3], bins=3)
    assert logged(run, rn.Histogram(np_histogram=known))[0]["counts"] == [1.0, 1.0, 1.0]
    assert sum(logged(run, rn.Histogram([1e300, 1e300 * (1 + 1e-15)]))[0]["counts"]) == 2.0
    assert sum(logged(run, rn.Histogram([]))[0]["counts"]) == 0.0


def test_figures_of_matplotlib_and_plotly_are_kept(run):
    import matplotlib

    matplotlib.use("Agg")
    import plotly.graph_objects as go
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots()
    axes.plot([1, 2])
    for value in (figure, axes, rn.Figure(plt), rn.Image(figure)):
        assert content(run, logged(run, value)[0]).startswith(b"\x89PNG")
    plt.close(figure)
    (item,) = logged(run, go.Figure(go.Scatter(y=[1, 2])))
    assert item["format"] == "plotly"
    assert json.loads(content(run, item))["data"][0]["type"] == "scatter"


def test_html_is_kept_from_text_files_and_paths(run, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("<p>file</p>")
    assert content(run, logged(run, rn.Html("<b>text</b>"))[0]) == b"<b>text</b>"
    assert content(run, logged(run, rn.Html(str(path)))[0]) == b"<p>file</p>"
    with path.open() as file:
        assert content(run, logged(run, rn.Html(file))[0]) == b"<p>file</p>"


@pytest.mark.parametrize(
    "value",
    [
        rn.Image("no such file.png"), rn.Image(np.zeros((5, 6, 9))), rn.Image(object()), rn.Image(None),
        rn.Audio(np.zeros(3)), rn.Audio(np.zeros((20, 20, 20)), 8000), rn.Video(np.zeros(3)), rn.Histogram(["x"]),
        rn.Histogram(np_histogram=([1, 2], [0, 1])), rn.Histogram([-1.7e308, 1.7e308]), rn.Table(["a"], [[1, 2]]),
        rn.Table(data=[3]), rn.Figure(object()), rn.Html(rn), rn.Image("/"), rn.Image("a\0b"),
        rn.Histogram(np.array([1j])),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_warned_of_and_the_rest_of_the_call_kept(run, value, capsys):
    run.log({"bad": value, "loss": 1.0})
    run.log({"bad": value, "loss": 2.0})
    run.finish()
    status = json.loads((run.dir / "status.json").read_text())
    assert status["metrics"]["loss"]["count"] == 2
    if isinstance(value, rn.Html):  # everything has a text
        return
    assert status["warnings"] == {"value:bad": 2}
    assert capsys.readouterr().err.count("'bad'") == 1
    assert [event for event in events(run) if event["key"] == "bad"] == []


@pytest.mark.parametrize("key", ["../../up", "a/b\\c", "nul", "", ".", "x" * 500, "snow ☃ man", "a\nb", "-rf"])
def test_odd_keys_name_files_that_lie_below_media(run, key):
    run.log({key: rn.Image(np.zeros((2, 2)))})
    (event,) = events(run)
    assert event["key"] == key
    file = (run.dir / event["items"][0]["file"]).resolve()
    assert file.parent == run.dir.resolve() / "media"
    assert file.is_file()


def test_a_line_torn_by_a_kill_spoils_no_other(run):
    (run.dir / "events.jsonl").write_bytes(b'{"type": "text", "ke')
    run.log({"note": "after"})
    lines = (run.dir / "events.jsonl").read_bytes().splitlines()
    assert json.loads(lines[1])["items"] == [{"text": "after"}]


def test_an_alert_is_an_event_and_not_repeated_within_its_time(run):
    rn.log({"loss": 1.0}, step=4)
    for _ in range(3):
        rn.alert("loss diverged", "it is 1e9", level="ERROR", wait_duration=60)
    run.alert("odd", level="no such level")
    (event,) = events(run)
    assert (event["type"], event["title"], event["level"], event["step"]) == ("alert", "loss diverged", "error", 4)
    run.finish()
    assert json.loads((run.dir / "status.json").read_text())["warnings"] == {"alert": 1}
