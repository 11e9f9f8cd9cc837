"""Shape, dtype and size of the pixels of the core's camera."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_skylight.devices.mmcore._core import Core

DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype(np.uint8),
    2: np.dtype(np.uint16),
    4: np.dtype(np.float32),
}
"""By bytes per grey pixel. The core returns float32 pixels as integers of four bytes."""

SIZE_SECONDS = 0.1
"""How often the pixel size is read from the hardware, not from the core's cache."""

COLOUR_DTYPES: dict[int, np.dtype[Any]] = {4: np.dtype(np.uint8), 8: np.dtype(np.uint16)}
"""By bytes per colour pixel: blue, green, red and one unused component."""

_logger = logging.getLogger("napari_skylight")


class Pixels:
    """The pixels of the camera called `name`, whose binning `binning` returns.

    Call the methods on the camera's thread.
    """

    def __init__(self, core: Core, name: str, binning: Callable[[], int]) -> None:
        self._core = core
        self._name = name
        self._binning = binning
        self._warned_of_size = False
        self._size_due = 0.0  # by `time.monotonic`
        self.have_size = bool(core.mmc.getAvailablePixelSizeConfigs())

    def shape(self) -> tuple[int, ...]:
        """Return the shape of a frame: (Y, X), or (Y, X, 3) in colour."""
        mmc = self._core.mmc
        colours = (3,) if mmc.getNumberOfComponents() > 1 else ()
        return (mmc.getImageHeight(), mmc.getImageWidth(), *colours)

    def dtype(self) -> np.dtype[Any]:
        """Return the dtype of a grey pixel or of each colour component.

        Raises
        ------
        ValueError
            If the core has pixels of an unknown type.
        """
        mmc = self._core.mmc
        nbytes, components = mmc.getBytesPerPixel(), mmc.getNumberOfComponents()
        dtypes = DTYPES if components == 1 else COLOUR_DTYPES
        if nbytes not in dtypes:
            raise ValueError(
                f"The {self._name} gives pixels of {nbytes} bytes with {components} components, "
                "which cannot be shown: set another PixelType."
            )
        return dtypes[nbytes]

    def size(self) -> float:
        """Return the side of a binned pixel on the specimen, in µm."""
        now = time.monotonic()
        is_cached = now < self._size_due
        if not is_cached:
            self._size_due = now + SIZE_SECONDS
        size = float(self._core.mmc.getPixelSizeUm(is_cached))
        if size > 0:
            return size
        if not self._warned_of_size:
            self._warned_of_size = True
            _logger.warning(
                "The Micro-Manager configuration has no pixel size for the objective in use: "
                "taken as 1 µm. Add a pixel size preset for it."
            )
        return float(self._binning())


def frame_of(image: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an image of the core as a frame of `dtype`, (Y, X) or (Y, X, 3)."""
    if image.dtype.itemsize == dtype.itemsize:
        return image.view(dtype)
    return image.view(dtype).reshape(*image.shape, -1)[..., 2::-1]
