"""For tests of plans and docks: fake devices that fail on request, waiting, documents."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import event_model
import numpy as np
from bluesky.protocols import Reading
from event_model import DocumentNames
from numpy.typing import NDArray

from napari_skylight.devices._light_memory import LightMemory
from napari_skylight.devices.streaming import FrameStream, FreeRun
from napari_skylight.engine import Status
from napari_skylight.protocols import FrameBatch

__all__ = ["Documents", "FakeCamera", "FakeLight", "FakeStreamingCamera", "wait_until"]


def wait_until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    """Wait until `condition` holds, on a thread without an event loop.

    TimeoutError after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Not true within {timeout} s: {condition}")
        pause.wait(0.002)


class FakeCamera:
    """A camera whose pixels have the number of the frame as value, counted from 1.

    Parameters
    ----------
    name : str
    shape : tuple of int
        Height and width of the frames.
    dtype : dtype
    seconds : float
        The duration of a trigger; 0 finishes at once.

    Attributes
    ----------
    fail_trigger, fail_read : BaseException or None
        Raised by triggers or reads while set.
    frames : int
        Frames taken so far.
    transform : callable
        Applied to each frame that is read.
    """

    parent = None

    def __init__(
        self,
        name: str = "camera",
        shape: tuple[int, int] = (16, 24),
        dtype: Any = np.uint16,
        seconds: float = 0.0,
    ) -> None:
        self.name = name
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.seconds = seconds
        self.frames = 0
        self.fail_trigger: BaseException | None = None
        self.fail_read: BaseException | None = None
        self.transform: Callable[[NDArray[Any]], NDArray[Any]] = lambda frame: frame

    def trigger(self) -> Status:
        """Take a frame: the status ends after `seconds`."""
        status = Status(settle_time=self.seconds)
        if self.fail_trigger is not None:
            status.set_exception(self.fail_trigger)
        else:
            self.frames += 1
            status.set_finished()
        return status

    def read(self) -> dict[str, Reading[Any]]:
        """Return the last frame, and its pixel size in µm."""
        if self.fail_read is not None:
            raise self.fail_read
        frame = self.transform(np.full(self.shape, self.frames, self.dtype))
        now = time.time()
        return {
            self.name: {"value": frame, "timestamp": now},
            f"{self.name}-pixel_size": {"value": 0.5, "timestamp": now},
        }

    def describe(self) -> dict[str, Any]:
        """Describe the frame and its pixel size."""
        source = f"fake://{self.name}"
        frame = {"dtype": "array", "shape": list(self.shape), "dtype_numpy": self.dtype.str}
        pixel_size = {"dtype": "number", "shape": [], "units": "µm"}
        return {
            self.name: {"source": source, **frame},
            f"{self.name}-pixel_size": {"source": source, **pixel_size},
        }

    def read_configuration(self) -> dict[str, Reading[Any]]:
        """Return nothing: it has no configuration."""
        return {}

    def describe_configuration(self) -> dict[str, Any]:
        """Return nothing: it has no configuration."""
        return {}


class FakeStreamingCamera(FakeCamera):
    """A `FakeCamera` that can stream, with a frame every `seconds`.

    Parameters
    ----------
    stream_bytes : int
        The limit of memory for frames that are not collected yet.

    Attributes
    ----------
    fail_stream : BaseException or None
        Raised in place of the next frame; ends the stream.
    lose : int
        The number of frames to lose before the next one.
    times : dict of int to float
        The time of each streamed frame, by number.
    """

    def __init__(
        self,
        name: str = "camera",
        shape: tuple[int, int] = (16, 24),
        dtype: Any = np.uint16,
        seconds: float = 0.002,
        stream_bytes: int = 256_000_000,
    ) -> None:
        super().__init__(name, shape, dtype, seconds)
        self.fail_stream: BaseException | None = None
        self.lose = 0
        self.times: dict[int, float] = {}
        self._stream = FrameStream(name, max_bytes=stream_bytes)
        expose = lambda: (self.seconds, self._finish)  # noqa: E731
        thread_name = f"skylight-fake-{name}-stream"
        self._stream_thread = FreeRun(self._stream, expose, thread_name=thread_name)

    @property
    def streaming(self) -> bool:
        """Whether it streams, also while paused."""
        return self._stream_thread.on

    def trigger(self) -> Status:
        """Take a frame; while streaming, wait for the next."""
        if self.streaming and self.fail_trigger is None:
            return self._stream.arrival(10.0 + 2 * self.seconds)
        return super().trigger()

    def read(self) -> dict[str, Reading[Any]]:
        """Return the last frame, and its pixel size in µm."""
        if self.streaming and self.fail_read is None:
            return self._stream.read()
        return super().read()

    def stage(self) -> list[Any]:
        """Prepare for a plan."""
        self._stream_thread.reset()
        return [self]

    def unstage(self) -> list[Any]:
        """Stop streaming."""
        return self.stage()

    def pause(self) -> None:
        """Hold the stream until `resume`."""
        self._stream_thread.pause().result(5.0)

    def resume(self) -> None:
        """Resume the stream."""
        self._stream_thread.resume()

    def start_stream(self) -> int:
        """Start streaming."""
        return self._stream_thread.start()

    def stop_stream(self) -> None:
        """Stop streaming."""
        self._stream_thread.stop().result(5.0)

    def drain(self, after: int) -> FrameBatch:
        """Return frames made after the one numbered `after`."""
        return self._stream.drain(after)

    def _finish(self) -> None:
        if self.fail_stream is not None:
            raise self.fail_stream
        if self.lose:
            self._stream.lose(self.lose)
        self.frames += self.lose + 1
        self.lose = 0
        metadata = {f"{self.name}-pixel_size": 0.5}
        self._stream.slot(self.shape, self.dtype, metadata)[:] = self.frames
        self.times[self.frames] = time.time()
        self._stream.commit(self.times[self.frames])


class FakeLight:
    """A light with its state `on`, and the `history` of all changes.

    While `fail_off` is set, ``stop`` fails with it.
    """

    parent = None

    def __init__(self, name: str = "light") -> None:
        self.name = name
        self.on = False
        self.history: list[bool] = []
        self.fail_off: BaseException | None = None
        self._memory = LightMemory()

    def _switch(self, on: bool) -> None:
        self.on = on
        self.history.append(on)

    def set(self, value: bool) -> Status:
        """Switch it."""
        self._memory.on_set()
        self._switch(value)
        status = Status()
        status.set_finished()
        return status

    def stop(self, success: bool = True) -> None:
        """Switch it off."""
        if self.fail_off is not None:
            raise self.fail_off
        self._memory.on_stop(self.on)
        self._switch(False)

    def pause(self) -> None:
        """Switch it off until `resume`."""
        self._memory.on_pause(self.on)
        self._switch(False)

    def resume(self) -> None:
        """Switch it on again if it was on."""
        self._switch(bool(self._memory.on_resume()))


class Documents:
    """A subscriber that keeps every document, each valid against its event-model schema."""

    def __init__(self) -> None:
        self.all: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Validate and keep `document`."""
        event_model.schema_validators[DocumentNames[name]].validate(document)
        self.all.append((name, document))

    def named(self, name: str) -> list[Mapping[str, Any]]:
        """Return the documents of one kind, in order."""
        return [document for kind, document in self.all if kind == name]

    def events(self, stream: str) -> list[Mapping[str, Any]]:
        """Return the events of one stream, in order."""
        uids = {d["uid"] for d in self.named("descriptor") if d["name"] == stream}
        return [event for event in self.named("event") if event["descriptor"] in uids]
