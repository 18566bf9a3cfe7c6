"""Pictures."""

from __future__ import annotations

import io
from typing import Any

from runicorn.sdk.media.arrays import to_pixels
from runicorn.sdk.media.base import Content, Encoded, Media, MediaError, Store, shown_file
from runicorn.sdk.media.png import png
from runicorn.storage.events import Kind

_SHOWN = frozenset({"png", "jpg", "jpeg", "gif", "webp", "bmp"})


class Image(Media):
    """A picture: an array, a tensor, a PIL image, a matplotlib figure, or the path of a file.

    data: (height, width), (height, width, channels) or (channels, height, width), 1 to 4 channels; floats from 0 to 1
    or -1 to 1 are stretched to 0 to 255, unless `normalize` is False; a few that overshoot are cut. mode: what PIL
    converts a PIL image to. file_type: png or jpg; jpg needs Pillow. others: boxes and masks of other trackers, which
    are not drawn; that is said once.
    """

    kind = Kind.IMAGE

    def __init__(self, data_or_path: Any, mode: str | None = None, caption: str | None = None, *,
                 normalize: bool = True, file_type: str | None = None, **others: Any) -> None:  # fmt: skip
        self.data = data_or_path
        self.mode = mode
        self.caption = caption
        self.normalize = normalize
        self.file_type = file_type
        overlaid = [name for name in ("masks", "boxes") if others.get(name)]
        if overlaid:
            self._assume(f"{' and '.join(overlaid)}, which are not drawn; draw them into the picture")

    def encode(self, store: Store) -> Encoded:
        file = shown_file(self.data, _SHOWN)
        if file is not None:
            return Encoded(self.captioned({}), file)
        if hasattr(self.data, "savefig"):
            buffer = io.BytesIO()
            self.data.savefig(buffer, format="png")
            return Encoded(self.captioned({}), Content(buffer.getvalue(), "png"))
        if hasattr(self.data, "save") and hasattr(self.data, "getbands"):
            return self._encode_pil(self.data)
        pixels = to_pixels(self.data, normalize=self.normalize, tell=self._assume)
        size = {"width": pixels.shape[1], "height": pixels.shape[0]}
        if self.file_type in ("jpg", "jpeg"):
            return self._encode_pil(_pil_image(pixels))
        return Encoded(self.captioned(size), Content(png(pixels), "png"))

    def _encode_pil(self, image: Any) -> Encoded:
        extension = "jpg" if self.file_type in ("jpg", "jpeg") else "png"
        mode = self.mode or ("RGB" if extension == "jpg" else None)
        if mode:
            image = image.convert(mode)
        elif image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
            image = image.convert("RGB")
        buffer = io.BytesIO()
        image.save(buffer, format="JPEG" if extension == "jpg" else "PNG")
        size = {"width": image.width, "height": image.height}
        return Encoded(self.captioned(size), Content(buffer.getvalue(), extension))


def _pil_image(pixels: Any) -> Any:
    try:
        from PIL import Image as Pillow
    except ImportError as error:
        raise MediaError("jpg needs Pillow (pip install pillow)") from error
    return Pillow.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels[:, :, :3])
