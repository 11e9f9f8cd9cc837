"""What tests of plans and docks need: devices that misbehave on request, waiting, documents."""

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

from napari_skylight.engine import Status

__all__ = ["Documents", "FakeCamera", "FakeLight", "wait_until"]


def wait_until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    """Wait, on a thread that runs no event loop, until `condition` holds.

    Raises
    ------
    TimeoutError
        If it does not within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Not true within {timeout} s: {condition}")
        pause.wait(0.002)


class FakeCamera:
    """A camera whose every pixel is the number of the frame, counted from 1.

    Parameters
    ----------
    name : str
    shape : tuple of int
        Height and width of the frames.
    dtype : dtype
    seconds : float
        How long a trigger takes; 0 finishes at once.

    Attributes
    ----------
    fail_trigger, fail_read : BaseException or None
        Raised by the next triggers or reads while it is set.
    frames : int
        Frames taken so far.
    transform : callable
        Applied to each frame before it is read, to make it odd.
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
        return {
            self.name: {
                "source": source,
                "dtype": "array",
                "shape": list(self.shape),
                "dtype_numpy": self.dtype.str,
            },
            f"{self.name}-pixel_size": {
                "source": source,
                "dtype": "number",
                "shape": [],
                "units": "µm",
            },
        }

    def read_configuration(self) -> dict[str, Reading[Any]]:
        """Return nothing: it has no configuration."""
        return {}

    def describe_configuration(self) -> dict[str, Any]:
        """Return nothing: it has no configuration."""
        return {}


class FakeLight:
    """A light that remembers what it was told: `on` now, and `history` of every change.

    While `fail_off` is set, ``set(False)`` fails with it.
    """

    parent = None

    def __init__(self, name: str = "light") -> None:
        self.name = name
        self.on = False
        self.history: list[bool] = []
        self.fail_off: BaseException | None = None
        self._before_stop = self._before_pause = False

    def _switch(self, on: bool) -> None:
        self.on = on
        self.history.append(on)

    def set(self, value: bool) -> Status:
        """Switch it."""
        status = Status()
        if self.fail_off is not None and not value:
            status.set_exception(self.fail_off)
        else:
            self._before_stop = self._before_pause = False
            self._switch(value)
            status.set_finished()
        return status

    def stop(self, success: bool = True) -> None:
        """Switch it off."""
        self._before_stop = self._before_stop or self.on
        self._before_pause = False
        self._switch(False)

    def pause(self) -> None:
        """Switch it off until `resume`."""
        self._before_pause = self._before_stop or self.on
        self._before_stop = False
        self._switch(False)

    def resume(self) -> None:
        """Switch it on again if it was on."""
        self._switch(self._before_pause)
        self._before_pause = False


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
