"""Frames of the simulated microscope: specimen, optics and sensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_skylight.devices.sim.specimen._layout import PIXEL_SIZE
from napari_skylight.devices.sim.specimen._sensor import Exposed, Sensor, bin_pixels
from napari_skylight.devices.sim.specimen._specimen import CHANNELS, Specimen

ROW_SECONDS = 3.9e-6
"""Readout time of a row: 500 frames of 512 rows per second, as with fast cameras."""

DOSE = 20.0
"""Exposure at full light, in ms."""


@dataclass(frozen=True, kw_only=True)
class Shot:
    """The settings that decide what a frame shows.

    Parameters
    ----------
    exposure
        In ms.
    gain
        Counts per electron, at 16 bit.
    roi_x, roi_y, roi_width, roi_height
        The part of the sensor that is read, in unbinned pixels.
    bit_depth
        8 or 16.
    x, y, focus
        Positions of the stage and the focus drive, in µm.
    channel
        "DAPI", "GFP", "RFP" or "Brightfield".
    light
        0 (shutter closed) to 1.
    """

    exposure: float = 20.0
    gain: float = 1.0
    binning: int = 1
    roi_x: int = 0
    roi_y: int = 0
    roi_width: int = 1024
    roi_height: int = 1024
    bit_depth: int = 16
    x: float = 0.0
    y: float = 0.0
    focus: float = 0.0
    channel: str = "GFP"
    light: float = 0.5

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the frame, in binned pixels."""
        return self.roi_height // self.binning, self.roi_width // self.binning

    @property
    def seconds(self) -> float:
        """Time between two frames when one is read out while the next is exposed."""
        return max(self.exposure / 1000, self.roi_height * ROW_SECONDS)

    @property
    def pixel_size(self) -> float:
        """Side of a binned pixel on the specimen, in µm."""
        return PIXEL_SIZE * self.binning


class Imager:
    """Takes simulated frames; for one thread at a time.

    Parameters
    ----------
    seed
        The same seed, shot and frame number give the same frame.
    noise
        False: frames without noise.
    """

    def __init__(self, seed: int = 0, *, noise: bool = True) -> None:
        self._specimen = Specimen(seed)
        self._sensor = Sensor(seed, noise=noise)
        self._seen: tuple[tuple[Any, ...], NDArray[np.float32]] | None = None
        self._exposed: tuple[Shot, Exposed] | None = None

    def take(self, shot: Shot, number: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return frame `number`: a uint8 or uint16 array of ``shot.shape``; `out` if given.

        Only what changed since the last frame is computed: a still picture costs only its noise.
        """
        if self._exposed is None or self._exposed[0] != shot:
            electrons = self._rate(shot) * (shot.light * shot.exposure)
            self._exposed = shot, self._sensor.expose(electrons, shot.gain, shot.bit_depth)
        return self._sensor.read_out(self._exposed[1], number, out)

    def _rate(self, shot: Shot) -> NDArray[np.float32]:
        """Return the electrons per ms of each binned pixel at full light."""
        row = round(shot.y / PIXEL_SIZE) + shot.roi_y
        column = round(shot.x / PIXEL_SIZE) + shot.roi_x
        size = (shot.roi_height, shot.roi_width)
        place = (shot.channel, row, column, *size, shot.focus, shot.binning)
        if self._seen is None or self._seen[0] != place:
            view = self._specimen.view(shot.channel, row, column, *size, shot.focus)
            self._seen = place, bin_pixels(view, shot.binning)
        return self._seen[1]


@dataclass(frozen=True)
class SampleImage:
    """A picture of the simulated specimen.

    Parameters
    ----------
    data
        uint16 ``(channel, height, width)``, in counts.
    channels
        Names, in the order of the first axis.
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
    """Return a picture with every cell in focus; takes 0.5 s per channel and 1024² pixels.

    Parameters
    ----------
    seed
        The same seed gives the same picture.
    shape
        Height and width, in pixels.
    channels
        Some of DAPI, GFP, RFP and Brightfield.
    """
    specimen, sensor = Specimen(seed), Sensor(seed)
    frames = []
    for number, channel in enumerate(channels):
        electrons = specimen.view(channel, 0, 0, *shape, focus=None) * np.float32(DOSE)
        frames.append(sensor.read_out(sensor.expose(electrons, 1.0, 16), number))
    return SampleImage(np.stack(frames), tuple(channels), PIXEL_SIZE)
