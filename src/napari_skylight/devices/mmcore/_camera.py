"""The core's camera."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from bluesky.protocols import Hints, Reading
from event_model import DataKey

from napari_skylight.devices.mmcore._core import Core
from napari_skylight.devices.mmcore._core_setting import Choice, CoreSetting, Number
from napari_skylight.devices.mmcore._pixels import Pixels, Roi, frame_of
from napari_skylight.devices.mmcore._sequence import Sequence
from napari_skylight.devices.mmcore._thread import PATIENCE_SECONDS, Answer
from napari_skylight.devices.streaming import FrameStream
from napari_skylight.devices.streaming._frames import readings
from napari_skylight.engine import Status
from napari_skylight.protocols import FrameBatch

INTEGER = 3
"""The core's type of a property that is a whole number (``pymmcore.Integer``)."""


class Camera:
    """The core's camera, a `StreamingCamera`; setting a signal interrupts the stream briefly."""

    parent = None

    def __init__(self, core: Core, name: str = "camera") -> None:
        self.name = name
        self._core = core
        self._label: str = core.mmc.getCameraDevice()
        self._properties = set(core.mmc.getDevicePropertyNames(self._label))
        self._frame: dict[str, Reading[Any]] = {}
        self._pixels = Pixels(core, name, self._get_binning)
        self._stream = FrameStream(name)
        self._sequence = Sequence(core, self._stream, self._frame_settings)
        self._may_stream = False
        common: dict[str, Any] = {
            "parent": self,
            "thread": core.camera_thread,
            "around": self._sequence.interrupted,
        }
        self.exposure = Number(
            f"{name}-exposure",
            title="Exposure",
            units="ms",
            limits=partial(self._limits, "Exposure", low=0.0),
            get=self._get_exposure,
            put=self._put_exposure,
            **common,
        )
        self.gain: Number | None = None
        if "Gain" in self._properties:
            self.gain = Number(
                f"{name}-gain",
                title="Gain",
                units="",
                whole=core.mmc.getPropertyType(self._label, "Gain") == INTEGER,
                limits=partial(self._limits, "Gain"),
                get=lambda: float(core.mmc.getProperty(self._label, "Gain")),
                put=partial(self._put_property, "Gain"),
                **common,
            )
        self.binning: Choice[int] | None = None
        if "Binning" in self._properties:
            self.binning = Choice(
                f"{name}-binning",
                title="Binning",
                choices=self._binnings,
                get=self._get_binning,
                put=self._put_binning,
                **common,
            )
        self._get_exposure()
        roi = Roi(core, self._get_binning)
        self.roi_x, self.roi_y, self.roi_width, self.roi_height = roi.settings(name, **common)

    @property
    def hints(self) -> Hints:
        return Hints(fields=[])

    def children(self) -> Iterator[tuple[str, CoreSetting[Any]]]:
        for name in ("exposure", "gain", "binning", "roi_x", "roi_y", "roi_width", "roi_height"):
            setting = getattr(self, name)
            if setting is not None:
                yield name, setting

    def trigger(self) -> Status:
        """Take a frame; while streaming, wait for the next."""
        if self._sequence.on:
            exposure = self._core.camera_thread.longest_job
            return self._stream.arrival(PATIENCE_SECONDS + 2 * exposure)
        return self._core.camera_thread.run(
            self._snap,
            what=f"Taking a frame with the {self.name} (is it waiting for a trigger of its own?)",
        )

    def read(self) -> dict[str, Reading[Any]]:
        """Return the last frame, (Y, X) or (Y, X, 3) in colour (RGB), and its settings."""
        if self._sequence.on:
            return self._stream.read()
        if not self._frame:
            raise RuntimeError(f"The {self.name} has taken no frame yet: trigger it first.")
        return dict(self._frame)

    async def describe(self) -> dict[str, DataKey]:
        return await self._core.camera_thread.ask(self._data_keys)

    def stage(self) -> list[Any]:
        """Do nothing: the camera is always ready for a plan."""
        return [self]

    def unstage(self) -> Status | list[Any]:
        """Stop streaming, at the end of a plan."""
        if not self._may_stream:
            return [self]
        self._may_stream = False
        return self._core.camera_thread.run(self._sequence.reset, what=f"Stopping the {self.name}")

    async def pause(self) -> None:
        """Hold the stream until `resume`."""
        if self._may_stream:  # else this would wait for a triggered exposure
            await self._core.camera_thread.ask(self._sequence.pause)

    async def resume(self) -> None:
        """Continue the stream."""
        if self._may_stream:
            await self._core.camera_thread.ask(self._sequence.resume)

    def start_stream(self) -> Answer[int]:
        self._may_stream = True
        return self._core.camera_thread.ask(self._sequence.start)

    def stop_stream(self) -> Answer[None]:
        """Stop streaming; all frames that the core has made can be drained."""
        return self._core.camera_thread.ask(self._sequence.stop)

    def drain(self, after: int) -> FrameBatch:
        return self._stream.drain(after)

    def _data_keys(self) -> dict[str, DataKey]:
        image: DataKey = {
            "source": f"mmcore://{self._label}",
            "dtype": "array",
            "dtype_numpy": self._pixels.dtype().str,
            "shape": list(self._pixels.shape()),
        }
        keys = {self.name: image, self.exposure.name: self.exposure.data_key()}
        if self._pixels.have_size:
            keys[f"{self.name}-pixel_size"] = {
                "source": "mmcore://Core",
                "dtype": "number",
                "shape": [],
                "units": "µm",
            }
        for setting in (self.gain, self.binning, self.roi_x, self.roi_y):
            if setting is not None:
                keys[setting.name] = setting.data_key()
        return keys

    def _snap(self) -> None:
        mmc = self._core.mmc
        dtype, metadata = self._frame_settings()
        try:
            mmc.snapImage()
            timestamp = time.time()
            image = mmc.getImage()
        except RuntimeError as error:
            raise RuntimeError(
                f"The {self.name} took no frame. Micro-Manager says: {error}"
            ) from error
        frame = np.ascontiguousarray(frame_of(image, dtype))
        self._frame = readings({self.name: frame, **metadata}, timestamp)

    def _frame_settings(self) -> tuple[np.dtype[Any], dict[str, Any]]:
        """Return the dtype of the pixels, and the settings of a frame by data key."""
        metadata: dict[str, Any] = {self.exposure.name: self._get_exposure()}
        if self._pixels.have_size:
            metadata[f"{self.name}-pixel_size"] = self._pixels.size()
        for setting in (self.gain, self.binning, self.roi_x, self.roi_y):
            if setting is not None:
                metadata[setting.name] = setting.get()
        return self._pixels.dtype(), metadata

    def _limits(self, name: str, low: float | None = None) -> tuple[float | None, float | None]:
        mmc = self._core.mmc
        if name not in self._properties or not mmc.hasPropertyLimits(self._label, name):
            return low, None
        return (
            float(mmc.getPropertyLowerLimit(self._label, name)),
            float(mmc.getPropertyUpperLimit(self._label, name)),
        )

    def _get_exposure(self) -> float:
        milliseconds = float(self._core.mmc.getExposure())
        self._core.camera_thread.longest_job = milliseconds / 1000
        return milliseconds

    def _put_exposure(self, milliseconds: float) -> None:
        self._core.mmc.setExposure(milliseconds)
        self._get_exposure()

    def _binnings(self) -> list[int]:
        offered = self._core.mmc.getAllowedPropertyValues(self._label, "Binning")
        return sorted(_whole(text) for text in offered) or [1]

    def _get_binning(self) -> int:
        if "Binning" not in self._properties:
            return 1
        return _whole(self._core.mmc.getProperty(self._label, "Binning"))

    def _put_binning(self, binning: int) -> None:
        # "2" for some cameras, "2x2" for others
        for text in self._core.mmc.getAllowedPropertyValues(self._label, "Binning"):
            if _whole(text) == binning:
                self._put_property("Binning", text)

    def _put_property(self, name: str, value: Any) -> None:
        self._core.mmc.setProperty(self._label, name, value)


def _whole(text: str) -> int:
    """Return the first number in `text`: 2 for "2x2"."""
    found = re.search(r"\d+", text)
    return int(found.group()) if found else 1
