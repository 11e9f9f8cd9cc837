"""A simulated picture in all channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.devices.sim.specimen._layout import PIXEL_SIZE
from napari_skylight.devices.sim.specimen._sensor import Sensor
from napari_skylight.devices.sim.specimen._specimen import CHANNELS, Specimen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DOSE = 20.0
"""Exposure at full light, in ms."""


@dataclass(frozen=True)
class SampleImage:
    """A picture of the simulated specimen.

    Parameters
    ----------
    data
        uint16 ``(channel, height, width)``, in counts.
    channels
        Their names, in the order of the first axis.
    pixel_size
        In µm.
    """

    data: NDArray[Any]
    channels: tuple[str, ...]
    pixel_size: float


def sample_image(
    seed: int = 0,
    *,
    shape: tuple[int, int] = (1024, 1024),
    channels: Sequence[str] = tuple(CHANNELS),
) -> SampleImage:
    """Return a picture with every cell in focus, in half a second per channel and 1024² pixels.

    Parameters
    ----------
    seed
        The same seed gives the same picture.
    shape
        Height and width, in pixels.
    channels
        Some of `CHANNELS`.
    """
    specimen, sensor = Specimen(seed), Sensor(seed)
    frames = [
        sensor.read_out(
            sensor.expose(
                specimen.view(channel, 0, 0, *shape, focus=None) * np.float32(DOSE), 1.0, 16
            ),
            number,
        )
        for number, channel in enumerate(channels)
    ]
    return SampleImage(np.stack(frames), tuple(channels), PIXEL_SIZE)
