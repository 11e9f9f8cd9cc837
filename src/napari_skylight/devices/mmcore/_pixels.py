"""Shape, dtype, size and region of interest of the core's camera."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_skylight.devices.mmcore._core import Core
from napari_skylight.devices.mmcore._core_setting import Number

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

SIDES = ("x", "y", "width", "height")


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
        """Return the dtype of a grey pixel or of each colour component, or raise ValueError."""
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


class Roi:
    """The region of interest in sensor pixels; the core counts in binned ones."""

    def __init__(self, core: Core, binning: Callable[[], int]) -> None:
        self._core = core
        self._binning = binning
        mmc = core.mmc
        roi = list(mmc.getROI())
        mmc.clearROI()  # to learn the size of the sensor
        self._size = mmc.getImageWidth() * binning(), mmc.getImageHeight() * binning()
        if list(mmc.getROI()) != roi:
            mmc.setROI(*roi)

    def settings(self, name: str, **common: Any) -> Iterator[Number]:
        """Yield left, top, width and height as signals of the camera called `name`."""
        for side, side_name in enumerate(SIDES):
            yield Number(
                f"{name}-roi_{side_name}",
                title=f"ROI {side_name}",
                units="px",
                whole=True,
                limits=partial(self._limits, side),
                get=partial(self._get, side),
                put=partial(self._put, side),
                **common,
            )

    def _get(self, side: int) -> int:
        return int(self._core.mmc.getROI()[side]) * self._binning()

    def _put(self, side: int, pixels: float) -> None:
        mmc, binning = self._core.mmc, self._binning()
        roi = list(mmc.getROI())
        roi[side] = int(pixels // binning)
        mmc.setROI(*roi)

    def _limits(self, side: int) -> tuple[float, float]:
        """Return the limits that keep the ROI on the sensor, its other sides unchanged."""
        left_or_top = side < 2
        opposite = self._get(side + 2 if left_or_top else side - 2)
        room = self._size[side % 2] - opposite
        return (0, room) if left_or_top else (self._binning(), room)
