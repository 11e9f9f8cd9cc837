"""What the pixels of the core's camera hold, and how large they are on the specimen."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari_skylight.devices.mmcore._core import Core

DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype(np.uint8),
    2: np.dtype(np.uint16),
    4: np.dtype(np.float32),
}
"""By bytes per pixel. The core gives grey pixels of four bytes as integers; they hold floats."""

SIZE_SECONDS = 0.1
"""How often the pixel size is taken from the hardware rather than from the core's cache."""

_logger = logging.getLogger("napari_skylight")


class Pixels:
    """The pixels of the camera called `name`, which bins as `binning` returns.

    Its methods are to be called on the camera's thread.
    """

    def __init__(self, core: Core, name: str, binning: Callable[[], int]) -> None:
        self._core = core
        self._name = name
        self._binning = binning
        self._warned_of_size = False
        self._size_due = 0.0  # by `time.monotonic`
        self.have_size = bool(core.mmc.getAvailablePixelSizeConfigs())

    def dtype(self) -> np.dtype[Any]:
        """Return their type.

        Raises
        ------
        ValueError
            When the camera gives colour frames.
        """
        mmc = self._core.mmc
        bytes_per_pixel = mmc.getBytesPerPixel()
        if mmc.getNumberOfComponents() != 1 or bytes_per_pixel not in DTYPES:
            label, kind = mmc.getCameraDevice(), ""
            if mmc.hasProperty(label, "PixelType"):
                kind = f" ({mmc.getProperty(label, 'PixelType')})"
            raise ValueError(
                f"The {self._name} gives colour frames{kind}, which cannot be shown: "
                "set its PixelType to a grey one in the Micro-Manager configuration."
            )
        return DTYPES[bytes_per_pixel]

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
