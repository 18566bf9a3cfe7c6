"""Moving pictures."""

from __future__ import annotations

import io
from typing import Any

from runicorn.sdk.media.arrays import Tell, to_array, to_bytes
from runicorn.sdk.media.base import Content, Encoded, Media, MediaError, Store, shown_file
from runicorn.storage.events import Kind

_SHOWN = frozenset({"mp4", "webm", "gif", "webp"})


class Video(Media):
    """Moving pictures: frames, or the path of an mp4, webm or gif file.

    data: uint8, or floats from 0 to 1, of shape (frames, channels, height, width) or (frames, height, width, channels);
    a batch before that is laid side by side. fps: frames a second. Frames are stored as gif or webp, by Pillow.
    """

    kind = Kind.VIDEO

    def __init__(self, data_or_path: Any, caption: str | None = None, fps: float = 4, format: str = "gif",
                 **_: Any) -> None:  # fmt: skip
        self.data = data_or_path
        self.caption = caption
        self.fps = fps
        self.format = format

    def encode(self, store: Store) -> Encoded:
        file = shown_file(self.data, _SHOWN)
        if file is not None:
            return Encoded(self.captioned({}), file)
        try:
            from PIL import Image as Pillow
        except ImportError as error:
            raise MediaError("Video of an array needs Pillow (pip install pillow)") from error
        frames = _frames(to_array(self.data), self._assume)
        pictures = [Pillow.fromarray(frame[:, :, 0] if frame.shape[2] == 1 else frame) for frame in frames]
        extension = "webp" if self.format == "webp" else "gif"
        buffer = io.BytesIO()
        pictures[0].save(
            buffer,
            format=extension.upper(),
            save_all=True,
            append_images=pictures[1:],
            duration=max(20, round(1000 / max(float(self.fps), 0.01))),
            loop=0,
        )
        item = {"width": pictures[0].width, "height": pictures[0].height, "fps": float(self.fps), "frames": len(frames)}
        return Encoded(self.captioned(item), Content(buffer.getvalue(), extension))


def _frames(array: Any, tell: Tell) -> Any:
    """Return uint8 of shape (frames, height, width, channels). Raises MediaError."""
    import numpy as np

    if array.ndim == 3:
        array = array[:, :, :, None]
    if array.ndim == 5:
        array = np.stack([_channels_last(part) for part in array])
        batch, frames, height, width, channels = array.shape
        array = array.transpose(1, 2, 0, 3, 4).reshape(frames, height, batch * width, channels)
    if array.ndim != 4 or not array.size:
        raise MediaError(f"an array of shape {array.shape} is no video")
    return to_bytes(_channels_last(array), tell=tell)


def _channels_last(array: Any) -> Any:
    if array.shape[-1] not in (1, 3, 4) and array.shape[1] in (1, 3, 4):
        array = array.transpose(0, 2, 3, 1)
    if array.shape[-1] not in (1, 3, 4):
        raise MediaError(f"an array of shape {array.shape} is no video: 1, 3 or 4 channels can be shown")
    return array
