"""Sound."""

from __future__ import annotations

import io
import wave
from typing import Any

from runicorn.sdk.media.arrays import to_array
from runicorn.sdk.media.base import Content, Encoded, Media, MediaError, Store, shown_file
from runicorn.storage.events import Kind

_SHOWN = frozenset({"wav", "mp3", "ogg", "flac"})


class Audio(Media):
    """Sound: samples, or the path of a wav, mp3, ogg or flac file.

    data: (samples,), (samples, channels) or (channels, samples); floats from -1 to 1, or integers of their full range.
    sample_rate: samples a second; needed for an array. Arrays are stored as 16-bit WAV.
    """

    kind = Kind.AUDIO

    def __init__(self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None,
                 **_: Any) -> None:  # fmt: skip
        self.data = data_or_path
        self.sample_rate = sample_rate
        self.caption = caption

    def encode(self, store: Store) -> Encoded:
        file = shown_file(self.data, _SHOWN)
        if file is not None:
            return Encoded(self.captioned({"sample_rate": int(self.sample_rate)} if self.sample_rate else {}), file)
        if not self.sample_rate:
            raise MediaError("Audio of an array needs sample_rate")
        return self._encode_samples(int(self.sample_rate))

    def _encode_samples(self, rate: int) -> Encoded:
        samples = _sixteen_bit(to_array(self.data))
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setnchannels(samples.shape[1])
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(samples.tobytes())
        item = {"sample_rate": rate, "duration_secs": samples.shape[0] / rate}
        return Encoded(self.captioned(item), Content(buffer.getvalue(), "wav"))


def _sixteen_bit(array: Any) -> Any:
    """Return samples as little-endian 16 bit of shape (samples, channels). Raises MediaError."""
    import numpy as np

    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or not array.size:
        raise MediaError(f"an array of shape {array.shape} is no sound")
    if array.shape[1] > array.shape[0]:
        array = array.T
    if array.shape[1] > 16:
        raise MediaError(f"an array of shape {array.shape} is no sound: at most 16 channels")
    if array.dtype.kind == "f":
        array = np.nan_to_num(array.astype(np.float64)).clip(-1, 1) * 32767
    elif array.dtype.kind in "iu" and array.dtype.itemsize != 2:
        top = np.iinfo(array.dtype)
        half = (int(top.max) - int(top.min) + 1) / 2
        array = (array.astype(np.float64) - (int(top.max) + int(top.min) + 1) / 2) / half * 32768
    elif array.dtype == np.uint16:
        array = array.astype(np.int32) - 32768
    return np.ascontiguousarray(np.rint(array).clip(-32768, 32767).astype("<i2"))
