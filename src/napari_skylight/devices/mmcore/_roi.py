"""The region of interest (ROI) of the sensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from napari_skylight.devices.mmcore._core_setting import Number

SIDES = ("x", "y", "width", "height")


class Roi:
    """The region of interest in sensor pixels; the core counts in binned ones.

    Parameters
    ----------
    mmc : callable
        Returns the core.
    binning : callable
        Returns the binning.
    """

    def __init__(self, mmc: Callable[[], Any], binning: Callable[[], int]) -> None:
        self._mmc = mmc
        self._binning = binning
        self._size = self._sensor_size()

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

    def _sensor_size(self) -> tuple[int, int]:
        """Return width and height of the sensor; the ROI is restored afterwards."""
        mmc, binning = self._mmc(), self._binning()
        roi = list(mmc.getROI())
        mmc.clearROI()
        size = mmc.getImageWidth() * binning, mmc.getImageHeight() * binning
        if list(mmc.getROI()) != roi:
            mmc.setROI(*roi)
        return size

    def _get(self, side: int) -> int:
        return int(self._mmc().getROI()[side]) * self._binning()

    def _put(self, side: int, pixels: float) -> None:
        mmc, binning = self._mmc(), self._binning()
        roi = list(mmc.getROI())
        roi[side] = int(pixels // binning)
        mmc.setROI(*roi)

    def _limits(self, side: int) -> tuple[float, float]:
        """Return the limits that keep the ROI on the sensor, its other sides unchanged."""
        left_or_top = side < 2
        opposite = self._get(side + 2 if left_or_top else side - 2)
        room = self._size[side % 2] - opposite
        return (0, room) if left_or_top else (self._binning(), room)
