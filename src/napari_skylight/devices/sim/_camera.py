"""The camera, as a Bluesky device."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ophyd_async.core import AsyncStatus, StandardReadable
from ophyd_async.core import StandardReadableFormat as Format

from ._imager import Imager, Shot
from ._sensor import COUNTS
from ._settings import Setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from bluesky.protocols import Hints, Reading
    from event_model import DataKey
    from numpy.typing import NDArray

    from ._light import Light
    from ._stage import FocusDrive, XYStage

__all__ = ["Camera"]

SMALLEST = 16
"""Fewest pixels a region of interest may have along an axis."""


@dataclass(frozen=True)
class _Frame:
    """What the last trigger took: the counts, when, and with which settings."""

    counts: NDArray[Any]
    timestamp: float
    shot: Shot


class Camera(StandardReadable):
    """Takes pictures of the simulated specimen; satisfies `napari_skylight.protocols.Camera`.

    A trigger lasts one exposure. The settings it starts with are those of its frame, and the
    frame's reading carries them. Frames are computed on the thread ``skylight-sim-<name>``, which
    `close` ends.

    Parameters
    ----------
    imager
        Makes the frames.
    stage, focus, light
        Where it looks, and by what light.
    sensor
        Height and width of the chip, in pixels.
    """

    def __init__(
        self,
        imager: Imager,
        stage: XYStage,
        focus: FocusDrive,
        light: Light,
        *,
        sensor: tuple[int, int] = (1024, 1024),
        name: str = "",
    ) -> None:
        self._imager = imager
        # In a tuple, because an attribute that is a Device would become a part of the camera.
        self._bench = (stage, focus, light)
        self._add_settings(*sensor)
        self._frame: _Frame | None = None
        self._taken = 0
        super().__init__(name=name)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"skylight-sim-{name or 'camera'}")

    def _add_settings(self, height: int, width: int) -> None:
        """Make the children that can be set; those `read` does not return are configuration."""

        def pixels(label: str, initial: int, limits: Callable[[], tuple[int, int]]) -> Setting[int]:
            return Setting(int, initial, label=label, owner="camera", units="px", limits=limits)

        self.exposure = Setting(
            float,
            20.0,
            label="Exposure",
            owner="camera",
            units="ms",
            limits=lambda: (0.1, 10_000.0),
        )
        self.gain = Setting(float, 1.0, label="Gain", owner="camera", limits=lambda: (1.0, 16.0))
        self.binning = Setting(int, 1, label="Binning", owner="camera", choices=(1, 2, 4))
        self.roi_x = pixels("ROI x", 0, lambda: (0, width - self.roi_width.value))
        self.roi_y = pixels("ROI y", 0, lambda: (0, height - self.roi_height.value))
        with self.add_children_as_readables(Format.CONFIG_SIGNAL):
            self.roi_width = pixels(
                "ROI width", width, lambda: (SMALLEST, width - self.roi_x.value)
            )
            self.roi_height = pixels(
                "ROI height", height, lambda: (SMALLEST, height - self.roi_y.value)
            )
            self.bit_depth = Setting(
                int, 16, label="Bit depth", owner="camera", choices=tuple(COUNTS)
            )

    @property
    def hints(self) -> Hints:
        """No scalar of a camera is worth a plot."""
        return {"fields": []}

    @AsyncStatus.wrap
    async def trigger(self) -> None:
        """Expose and read out one frame."""
        shot, number = self._shot(), self._taken
        self._taken += 1
        loop = asyncio.get_running_loop()
        end = loop.time() + shot.exposure / 1000
        counts = await loop.run_in_executor(self._worker, self._imager.take, shot, number)
        await asyncio.sleep(max(0.0, end - loop.time()))
        # An exposure that a stopped run left behind must not replace a newer frame.
        if number == self._taken - 1:
            self._frame = _Frame(counts, time.time(), shot)

    async def read(self) -> dict[str, Reading[Any]]:
        """Return the last frame, under the camera's name, and the settings it was taken with."""
        frame = self._frame
        if frame is None:
            raise RuntimeError(f"{self.name} has no frame yet: trigger it first.")
        readings: dict[str, Reading[Any]] = {
            self.name: {"value": frame.counts, "timestamp": frame.timestamp}
        }
        for key, value in self._scalars(frame.shot).items():
            readings[f"{self.name}-{key}"] = {"value": value, "timestamp": frame.timestamp}
        return readings

    async def describe(self) -> dict[str, DataKey]:
        """Return what `read` would return for a frame triggered now."""
        shot = self._shot()
        keys: dict[str, DataKey] = {
            self.name: {
                "source": f"sim://{self.name}",
                "dtype": "array",
                "shape": [*shot.shape],
                "dtype_numpy": COUNTS[shot.bit_depth].dtype.str,
                "units": "counts",
            }
        }
        units = {"exposure": "ms", "pixel_size": "µm", "roi_x": "px", "roi_y": "px"}
        for key, value in self._scalars(shot).items():
            keys[f"{self.name}-{key}"] = {
                "source": f"sim://{self.name}-{key}",
                "dtype": "integer" if isinstance(value, int) else "number",
                "shape": [],
                "dtype_numpy": np.dtype(type(value)).str,
                "units": units.get(key, ""),
            }
        return keys

    def close(self) -> None:
        """End the worker thread; the camera takes no more frames."""
        self._worker.shutdown(wait=True)

    def _shot(self) -> Shot:
        """Return the settings a frame begun now is taken with."""
        stage, focus, light = self._bench
        return Shot(
            exposure=self.exposure.value,
            gain=self.gain.value,
            binning=self.binning.value,
            roi_x=self.roi_x.value,
            roi_y=self.roi_y.value,
            roi_width=self.roi_width.value,
            roi_height=self.roi_height.value,
            bit_depth=self.bit_depth.value,
            x=stage.x.position,
            y=stage.y.position,
            focus=focus.position,
            channel=light.channel.value.value,
            light=light.level,
        )

    @staticmethod
    def _scalars(shot: Shot) -> dict[str, float]:
        """Return what goes with a frame, by the part of the key after the camera's name."""
        return {
            "exposure": shot.exposure,
            "gain": shot.gain,
            "binning": shot.binning,
            "pixel_size": shot.pixel_size,
            "roi_x": shot.roi_x,
            "roi_y": shot.roi_y,
        }
