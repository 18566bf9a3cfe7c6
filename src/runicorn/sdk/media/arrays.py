"""Arrays of every library as numpy's: numpy, torch, jax, tensorflow, nested lists. Loads numpy when called."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runicorn.sdk.media.base import MediaError
from runicorn.sdk.media.ranges import range_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def to_array(value: Any) -> npt.NDArray[Any]:
    """Return the values as a numpy array on this machine's memory. Raises MediaError."""
    import numpy as np

    try:
        if hasattr(value, "detach"):  # torch: off the graph and the device; numpy has no bfloat16
            value = value.detach().cpu()
            if "bfloat16" in str(value.dtype):
                value = value.float()
            return np.asarray(value.numpy())
        array = np.asarray(value)
        if array.dtype.kind not in "biufc" and "float" in str(array.dtype):  # jax's and tensorflow's short floats
            array = array.astype(np.float32)
    except Exception as error:  # foreign code, inside somebody's training loop
        raise MediaError(f"{type(value).__name__} cannot be read as an array: {error}") from error
    if array.dtype.kind not in "biuf":
        raise MediaError(f"an array of {array.dtype} holds no real numbers")
    return array


Tell = Callable[[str], None]


def to_pixels(value: Any, *, normalize: bool = True, tell: Tell | None = None) -> npt.NDArray[np.uint8]:
    """Return an image as uint8 of shape (height, width, channels), with 1 to 4 channels.

    Takes (height, width), (height, width, channels) and (channels, height, width). Which numbers are black and white
    says `range_of`; NaN is black. tell: called where that is an assumption. Raises MediaError.
    """

    array = to_array(value)
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or not array.size:
        raise MediaError(f"an array of shape {array.shape} is no image")
    if array.shape[2] not in (1, 2, 3, 4) and array.shape[0] in (1, 2, 3, 4):
        array = array.transpose(1, 2, 0)
    if array.shape[2] not in (1, 2, 3, 4):
        raise MediaError(f"an array of shape {array.shape} is no image: 1 to 4 channels can be shown")
    return to_bytes(array, normalize=normalize, tell=tell)


def to_bytes(array: npt.NDArray[Any], *, normalize: bool = True, tell: Tell | None = None) -> npt.NDArray[np.uint8]:
    """Return values of any type stretched or cut to 0 to 255; see to_pixels."""
    import numpy as np

    found = range_of(array, normalize=normalize)
    if found.assumed is not None and tell is not None:
        tell(found.assumed)
    if (found.black, found.white) != (0, 255):
        array = (array.astype(np.float64) - found.black) * (255 / ((found.white - found.black) or 1))
    if array.dtype.kind == "f":
        array = np.rint(np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=255.0, neginf=0.0))
    pixels: npt.NDArray[np.uint8] = array.clip(0, 255).astype(np.uint8, copy=False)
    return pixels
