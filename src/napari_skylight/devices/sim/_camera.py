"""The simulated camera."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from bluesky.protocols import Hints, Reading
from bluesky.protocols import Status as StatusProtocol
from event_model import DataKey
from numpy.typing import NDArray
from ophyd_async.core import AsyncStatus, StandardReadable
from ophyd_async.core import StandardReadableFormat as Format

from napari_skylight.devices.sim._checked_signal import CheckedSignal
from napari_skylight.devices.sim._light import Light
from napari_skylight.devices.sim._stage import FocusDrive, XYStage
from napari_skylight.devices.sim.specimen import COUNTS, Imager, Shot
from napari_skylight.devices.streaming import FrameStream, FreeRun
from napari_skylight.devices.streaming._frames import readings
from napari_skylight.protocols import FrameBatch

SMALLEST = 16
"""Fewest pixels a region of interest may have along an axis."""

ARRIVAL_SECONDS = 10.0
"""How long a frame of the stream may take, beyond its exposure."""

REST_SECONDS = 5.0
"""How long the last frame may take when the stream stops."""

CLOSE_SECONDS = 2.0


class Camera(StandardReadable):
    """Takes pictures of the simulated specimen; see `napari_skylight.protocols.StreamingCamera`.

    A trigger lasts one exposure. The settings it starts with are those of its frame, and the
    frame's reading carries them. Frames are computed on the thread ``skylight-sim-<name>``, which
    `close` ends. While streaming, one frame is read out as the next is exposed, on the thread
    ``skylight-sim-<name>-stream``.

    Parameters
    ----------
    imager
        Makes the frames.
    stage, focus, light
        Position and illumination of each frame.
    sensor
        Height and width, in pixels.
    stream_bytes
        Limit for the memory of streamed frames until they are drained.
    """

    def __init__(
        self,
        imager: Imager,
        stage: XYStage,
        focus: FocusDrive,
        light: Light,
        *,
        sensor: tuple[int, int] = (1024, 1024),
        stream_bytes: int = 256_000_000,
        name: str = "",
    ) -> None:
        self._imager = imager
        # In a tuple, because an attribute that is a Device would become a part of the camera.
        self._bench = (stage, focus, light)
        self._add_settings(*sensor)
        self._readings: dict[str, Reading[Any]] = {}
        self._taken = 0
        self._imaging = threading.Lock()  # one of the two threads takes a picture at a time
        self._last_scalars: tuple[Shot, Mapping[str, float]] | None = None
        thread_name = f"skylight-sim-{name or 'camera'}"
        self._stream = FrameStream(name, max_bytes=stream_bytes)
        self._stream_thread = FreeRun(
            self._stream, self._expose_streamed, thread_name=f"{thread_name}-stream"
        )
        super().__init__(name=name)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=thread_name)

    def _add_settings(self, height: int, width: int) -> None:
        """Create the signals; those that `read` does not return are configuration."""
        signal = partial(CheckedSignal, owner="camera")
        pixels = partial(signal, int, units="px")
        self.exposure = signal(
            float, 20.0, label="Exposure", units="ms", limits=lambda: (0.1, 10_000.0)
        )
        self.gain = signal(float, 1.0, label="Gain", limits=lambda: (1.0, 16.0))
        self.binning = signal(int, 1, label="Binning", choices=(1, 2, 4))
        self.roi_x = pixels(0, label="ROI x", limits=lambda: (0, width - self.roi_width.value))
        self.roi_y = pixels(0, label="ROI y", limits=lambda: (0, height - self.roi_height.value))
        with self.add_children_as_readables(Format.CONFIG_SIGNAL):
            self.roi_width: CheckedSignal[int] = pixels(
                width, label="ROI width", limits=lambda: (SMALLEST, width - self.roi_x.value)
            )
            self.roi_height: CheckedSignal[int] = pixels(
                height, label="ROI height", limits=lambda: (SMALLEST, height - self.roi_y.value)
            )
            self.bit_depth = signal(int, 16, label="Bit depth", choices=tuple(COUNTS))

    def set_name(self, name: str, *, child_name_separator: str | None = None) -> None:
        """Name the camera; its image and its scalars go by that name."""
        super().set_name(name, child_name_separator=child_name_separator)
        self._stream.name = name
        self._last_scalars = None

    @property
    def hints(self) -> Hints:
        """No scalar of a camera is worth a plot."""
        return {"fields": []}

    def trigger(self) -> StatusProtocol:
        """Expose and read out one frame; while streaming, wait for the next."""
        if self._stream_thread.on:
            return self._stream.arrival(ARRIVAL_SECONDS + 2 * self.exposure.value / 1000)
        return self._expose_one()

    @AsyncStatus.wrap
    async def _expose_one(self) -> None:
        shot, number = self._shot(), self._taken
        self._taken += 1
        loop = asyncio.get_running_loop()
        end = loop.time() + shot.exposure / 1000
        counts = await loop.run_in_executor(self._worker, self._take, shot, number)
        await asyncio.sleep(max(0.0, end - loop.time()))
        # An exposure that a stopped run left behind must not replace a newer frame.
        if number == self._taken - 1:
            self._readings = readings({self.name: counts, **self._scalars(shot)}, time.time())

    async def read(self) -> dict[str, Reading[Any]]:
        """Return the last frame, under the camera's name, and the settings it was taken with."""
        if self._stream_thread.on:
            return self._stream.read()
        if not self._readings:
            raise RuntimeError(f"{self.name} has no frame yet: trigger it first.")
        return dict(self._readings)

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
            keys[key] = {
                "source": f"sim://{key}",
                "dtype": "integer" if isinstance(value, int) else "number",
                "shape": [],
                "dtype_numpy": np.dtype(type(value)).str,
                "units": units.get(key.removeprefix(f"{self.name}-"), ""),
            }
        return keys

    @AsyncStatus.wrap
    async def stage(self) -> None:
        """Stop streaming, before a plan."""
        self._stream_thread.reset()
        await super().stage()

    def unstage(self) -> AsyncStatus[None]:
        """Stop streaming at once, after a plan."""
        self._stream_thread.reset()
        return super().unstage()

    async def pause(self) -> None:
        """Hold the stream until `resume`."""
        await _rest(self._stream_thread.pause())

    async def resume(self) -> None:
        """Continue the stream."""
        self._stream_thread.resume()

    async def start_stream(self) -> int:
        """Start streaming; see `StreamingCamera`."""
        return self._stream_thread.start()

    async def stop_stream(self) -> None:
        """Stop streaming."""
        await _rest(self._stream_thread.stop())

    def drain(self, after: int) -> FrameBatch:
        """Return frames after number `after`; see `StreamingCamera`."""
        return self._stream.drain(after)

    def _expose_streamed(self) -> tuple[float, Callable[[], None]]:
        shot, number = self._shot(), self._taken
        self._taken += 1

        def finish() -> None:
            slot = self._stream.slot(shot.shape, COUNTS[shot.bit_depth].dtype, self._scalars(shot))
            self._take(shot, number, slot)
            self._stream.commit(time.time())

        return shot.seconds, finish

    def close(self) -> None:
        """End the threads; the camera takes no more frames."""
        with contextlib.suppress(TimeoutError):  # a daemon thread, which ends after its frame
            self._stream_thread.reset().result(CLOSE_SECONDS)
        self._worker.shutdown(wait=True)

    def _take(self, shot: Shot, number: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        with self._imaging:
            return self._imager.take(shot, number, out)

    def _shot(self) -> Shot:
        """Return the current settings, for the next frame."""
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

    def _scalars(self, shot: Shot) -> Mapping[str, float]:
        """Return the scalars of a frame by data key; the same mapping for an equal shot."""
        last = self._last_scalars
        if last is None or last[0] != shot:
            values = {
                "exposure": shot.exposure,
                "gain": shot.gain,
                "binning": shot.binning,
                "pixel_size": shot.pixel_size,
                "roi_x": shot.roi_x,
                "roi_y": shot.roi_y,
            }
            last = shot, {f"{self.name}-{key}": value for key, value in values.items()}
            self._last_scalars = last
        return last[1]


async def _rest(ended: Future[None]) -> None:
    """Wait for the last frame."""
    async with asyncio.timeout(REST_SECONDS):
        # Shielded: the thread could not complete a cancelled future.
        await asyncio.shield(asyncio.wrap_future(ended))
