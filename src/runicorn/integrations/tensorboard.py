"""A SummaryWriter with the interface of torch.utils.tensorboard's, so that changing one import line moves a script:

    from runicorn.integrations.tensorboard import SummaryWriter

It records into the current run where one is open. Otherwise the first writer opens one and makes it current, and each
further one opens a run beside it, as TensorBoard has a run for each folder. Needs neither torch nor tensorboard.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from types import TracebackType
from typing import Any

from runicorn.integrations.opening import given, open_current
from runicorn.sdk import api
from runicorn.sdk.media.arrays import to_array
from runicorn.sdk.media.audio import Audio
from runicorn.sdk.media.figure import Figure
from runicorn.sdk.media.histogram import Histogram
from runicorn.sdk.media.image import Image
from runicorn.sdk.media.table import Table
from runicorn.sdk.media.text import Text
from runicorn.sdk.media.video import Video
from runicorn.sdk.run import Run

_opened_here: set[str] = set()  # ids of the runs that writers opened, which further writers do not share


class SummaryWriter:
    """Records what a TensorBoard script adds. `global_step` is the step; without one, each tag counts its own.

    log_dir: only names the run: runs/exp1/train becomes exp1/train; nothing is written there. comment: is added to the
    name. project, root and further parameters: as in runicorn.init. What TensorBoard needs for its files (purge_step,
    max_queue, flush_secs, filename_suffix) and `walltime` - a value's time is that of the call - mean nothing here.
    """

    def __init__(self, log_dir: Any = None, comment: str = "", purge_step: int | None = None, max_queue: int = 10,
                 flush_secs: int = 120, filename_suffix: str = "", **options: Any) -> None:  # fmt: skip
        current = open_current()
        self._steps: dict[str, int] = {}
        self._owned = current is None or current.id in _opened_here
        if current is not None and current.id not in _opened_here:
            self._run = current
            return
        options.setdefault("name", run_name(log_dir, comment))
        if current is None:
            self._run = api.init(**given(**options))
        else:
            self._run = api.init_beside(**{"console": False, "system_metrics": False, **given(**options)})
        _opened_here.add(self._run.id)

    @property
    def run(self) -> Run:
        """The run that it records into."""
        return self._run

    @property
    def log_dir(self) -> str:
        """The run's folder."""
        return str(self._run.dir)

    def get_logdir(self) -> str:
        return self.log_dir

    def add_scalar(self, tag: str, scalar_value: Any, global_step: Any = None, walltime: Any = None,
                   new_style: bool = False, double_precision: bool = False) -> None:  # fmt: skip
        """Record a number."""
        self._run.log({tag: scalar_value}, self._step(tag, global_step))

    def add_scalars(self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: Any = None,
                    walltime: Any = None) -> None:  # fmt: skip
        """Record numbers as main_tag/name."""
        values = {f"{main_tag}/{name}": value for name, value in tag_scalar_dict.items()}
        self._run.log(values, self._step(main_tag, global_step))

    def add_histogram(self, tag: str, values: Any, global_step: Any = None, bins: Any = "tensorflow",
                      walltime: Any = None, max_bins: int | None = None) -> None:  # fmt: skip
        """Record how values are distributed. bins: a number, edges, or a rule of numpy.histogram_bin_edges."""
        self._add(tag, global_step, lambda: _histogram(values, bins, max_bins))

    def add_histogram_raw(self, tag: str, min: Any, max: Any, num: Any, sum: Any, sum_squares: Any, bucket_limits: Any,
                          bucket_counts: Any, global_step: Any = None, walltime: Any = None) -> None:  # fmt: skip
        """Record counts that are known already. bucket_limits: the right edge of each bucket."""
        self._add(tag, global_step, lambda: _counted(float(min), float(max), bucket_limits, bucket_counts))

    def add_image(self, tag: str, img_tensor: Any, global_step: Any = None, walltime: Any = None,
                  dataformats: str = "CHW") -> None:  # fmt: skip
        """Record a picture: bytes, or floats from 0 to 1."""
        self._add(tag, global_step, lambda: Image(pixels(img_tensor, dataformats), normalize=False))

    def add_images(self, tag: str, img_tensor: Any, global_step: Any = None, walltime: Any = None,
                   dataformats: str = "NCHW") -> None:  # fmt: skip
        """Record several pictures."""
        self._add(tag, global_step, lambda: [Image(each, normalize=False) for each in pixels(img_tensor, dataformats)])

    def add_image_with_boxes(self, tag: str, img_tensor: Any, box_tensor: Any, global_step: Any = None,
                             walltime: Any = None, rescale: float = 1, dataformats: str = "CHW",
                             labels: Any = None) -> None:  # fmt: skip
        """Record a picture, without the boxes."""
        self._ignored("add_image_with_boxes() draws no boxes here")
        self.add_image(tag, img_tensor, global_step, dataformats=dataformats)

    def add_figure(self, tag: str, figure: Any, global_step: Any = None, close: bool = True,
                   walltime: Any = None) -> None:  # fmt: skip
        """Record a figure of matplotlib, or several; they are closed afterwards."""
        figures = list(figure) if isinstance(figure, (list, tuple)) else [figure]
        self._add(tag, global_step, lambda: [Figure(each) for each in figures])
        if close:
            with contextlib.suppress(Exception):  # a figure that matplotlib does not hold
                from matplotlib import pyplot

                for each in figures:
                    pyplot.close(each)

    def add_video(self, tag: str, vid_tensor: Any, global_step: Any = None, fps: float = 4,
                  walltime: Any = None) -> None:  # fmt: skip
        """Record moving pictures of shape (videos, frames, channels, height, width)."""
        self._add(tag, global_step, lambda: Video(to_array(vid_tensor), fps=fps))

    def add_audio(self, tag: str, snd_tensor: Any, global_step: Any = None, sample_rate: int = 44100,
                  walltime: Any = None) -> None:  # fmt: skip
        """Record sound: floats from -1 to 1, of shape (1, samples)."""
        self._add(tag, global_step, lambda: Audio(to_array(snd_tensor), sample_rate=sample_rate))

    def add_text(self, tag: str, text_string: Any, global_step: Any = None, walltime: Any = None) -> None:
        """Record text."""
        self._add(tag, global_step, lambda: Text(text_string))

    def add_tensor(self, tag: str, tensor: Any, global_step: Any = None, walltime: Any = None) -> None:
        """Record a tensor: its number, or how its values are distributed."""
        self._run.log({tag: tensor}, self._step(tag, global_step))

    def add_hparams(self, hparam_dict: Mapping[str, Any], metric_dict: Mapping[str, Any],
                    hparam_domain_discrete: Any = None, run_name: str | None = None,
                    global_step: Any = None) -> None:  # fmt: skip
        """Put the hyperparameters into the config, and record the metrics."""
        self._run.config.update(dict(hparam_dict))
        self._run.log(dict(metric_dict), self._step("hparams", global_step))

    def add_pr_curve(self, tag: str, labels: Any, predictions: Any, global_step: Any = None,
                     num_thresholds: int = 127, weights: Any = None, walltime: Any = None) -> None:  # fmt: skip
        """Record precision and recall over thresholds, as a table. labels: 0 or 1; predictions: from 0 to 1."""
        self._add(tag, global_step, lambda: _pr_table(labels, predictions, num_thresholds, weights))

    def add_pr_curve_raw(self, tag: str, true_positive_counts: Any, false_positive_counts: Any,
                         true_negative_counts: Any, false_negative_counts: Any, precision: Any, recall: Any,
                         global_step: Any = None, num_thresholds: int = 127, weights: Any = None,
                         walltime: Any = None) -> None:  # fmt: skip
        """Record precision and recall that are known already, as a table."""
        self._add(tag, global_step, lambda: Table(["precision", "recall"], [*zip(precision, recall, strict=True)]))

    def add_embedding(self, *args: Any, **kwargs: Any) -> None:
        self._ignored("add_embedding() keeps nothing here")

    def add_graph(self, *args: Any, **kwargs: Any) -> None:
        self._ignored("add_graph() keeps nothing here")

    def add_onnx_graph(self, *args: Any, **kwargs: Any) -> None:
        self._ignored("add_onnx_graph() keeps nothing here")

    def add_mesh(self, *args: Any, **kwargs: Any) -> None:
        self._ignored("add_mesh() keeps nothing here")

    def add_custom_scalars(self, *args: Any, **kwargs: Any) -> None:
        self._ignored("add_custom_scalars() lays out no charts here")

    add_custom_scalars_multilinechart = add_custom_scalars_marginchart = add_custom_scalars

    def flush(self) -> None:
        """Do nothing: everything is on disk when a call returns."""

    def close(self) -> None:
        """Close the run, if this writer opened it."""
        if self._owned:
            self._run.finish()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        if self._owned:
            self._run.expect_end(error)
        self.close()

    def _add(self, tag: str, step: Any, make: Callable[[], Any]) -> None:
        """Record what `make` gives; what it cannot make of what was passed is a warning."""
        at = self._step(tag, step)
        try:
            value = make()
        except Exception as error:  # noqa: BLE001 - anything may have been passed, inside somebody's training loop
            self._run.warnings.add(f"value:{tag[:100]}", f"the value of {tag[:100]!r} was not recorded: {error}.")
            return
        self._run.log({tag: value}, at)

    def _step(self, tag: str, step: Any) -> Any:
        """Return the step as given; where none is, one more than the tag's last."""
        if step is None:
            step = self._steps.get(tag, -1) + 1
        with contextlib.suppress(Exception):  # tensors and whatever else; what is no number, log() warns of
            self._steps[tag] = int(step)
        return step

    def _ignored(self, text: str) -> None:
        self._run.warnings.add(text.split("(", maxsplit=1)[0], f"{text}.")


def run_name(log_dir: Any, comment: str) -> str | None:
    """Return a name for the run: the folder's without a leading `runs`, and the comment; None without both."""
    parts = [part for part in PurePath(str(log_dir or "")).parts if part not in ("runs", "logs", ".", "..", "/", "\\")]
    return ("/".join(parts[-3:]) + str(comment)).strip("_- ") or None


def pixels(data: Any, dataformats: str) -> Any:
    """Return bytes of shape (height, width), (..., channels) or (number, ...) from any order of N, C, H, W."""
    import numpy as np

    array, order = to_array(data), dataformats.upper()
    if array.ndim != len(order):
        raise ValueError(f"{dataformats} does not fit the shape {array.shape}")
    array = array.transpose([order.index(axis) for axis in "NHWC" if axis in order])
    return (
        array if array.dtype == np.uint8 else (np.nan_to_num(array.astype(np.float64)) * 255).clip(0, 255).astype("u1")
    )


def _histogram(values: Any, bins: Any, max_bins: int | None) -> Histogram:
    if isinstance(bins, str) and bins == "tensorflow":
        return Histogram(to_array(values), num_bins=max_bins or 64)
    import numpy as np

    array = to_array(values).astype(np.float64).ravel()
    counts, edges = np.histogram(array[np.isfinite(array)], bins if not isinstance(bins, Sequence) else _known(bins))
    if len(counts) > (most := max_bins or 512):
        counts, edges = np.histogram(array[np.isfinite(array)], most)
    return Histogram(np_histogram=(counts, edges))


def _known(bins: Any) -> Any:
    return bins if isinstance(bins, str) else [float(edge) for edge in bins]


def _counted(low: float, high: float, limits: Any, counts: Any) -> Histogram:
    import numpy as np

    right, found = to_array(limits).astype(np.float64).ravel(), to_array(counts).astype(np.float64).ravel()
    right = np.minimum(right, max(high, low))  # TensorBoard's last limit is the greatest float
    return Histogram(np_histogram=(found, np.concatenate([[min(low, right[0])], right])))


def _pr_table(labels: Any, predictions: Any, thresholds: int, weights: Any) -> Table:
    import numpy as np

    truth, guess = to_array(labels).ravel().astype(bool), to_array(predictions).ravel().astype(np.float64)
    weight = np.ones(len(guess)) if weights is None else to_array(weights).ravel().astype(np.float64)
    rows = []
    for threshold in np.linspace(0, 1, max(2, int(thresholds))):
        chosen = guess >= threshold
        hits, found = float(weight[chosen & truth].sum()), float(weight[chosen].sum())
        total = float(weight[truth].sum())
        rows.append([float(threshold), hits / found if found else 1.0, hits / total if total else 0.0])
    return Table(["threshold", "precision", "recall"], rows)
