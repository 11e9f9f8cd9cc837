"""Cameras, microscopes and a detector for the live benchmark."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import napari
import numpy as np
import pymmcore
from bluesky.utils import Msg
from live_screen import spin, spin_until

from napari_skylight.devices import Microscope
from napari_skylight.engine import RunEngine, Status
from napari_skylight.session import Session
from napari_skylight.viewer import ViewerLink


class Ring:
    """A streaming camera that writes into a ring of buffers, as frame grabbers do.

    A trigger is done when there is a frame that was not read; a read gives all of them, or the
    newest only. The first pixel of each frame is its number.
    """

    name, parent = "camera", None

    def __init__(
        self, frames: list[np.ndarray], rate: float, length: int, newest_only: bool = False
    ) -> None:
        self._frames, self._rate, self._newest_only = frames, rate, newest_only
        self._ring = np.zeros((length, *frames[0].shape), frames[0].dtype)
        self._lock = threading.Lock()
        self._waiting: list[Status] = []
        self._written = self._read = 0
        self._last: int | None = None
        self._stopped = False
        threading.Thread(target=self._run, name="skylight-ring", daemon=True).start()

    def _run(self) -> None:
        due = perf_counter()
        while not self._stopped:
            due += 1 / self._rate
            time.sleep(max(0.0, due - perf_counter()))
            number = self._written
            buffer = self._ring[number % len(self._ring)]
            np.copyto(buffer, self._frames[number % len(self._frames)])
            buffer[0, 0] = number % 65536
            with self._lock:
                self._written += 1
                waiting, self._waiting = self._waiting, []
                self._stopped |= self._written == self._last
            for status in waiting:
                status.set_finished()

    def stop_after(self, number: int) -> int:
        """Make so many more frames and no more; returns the number of the first of them."""
        with self._lock:
            self._last = self._written + number
            return self._written

    def is_empty(self) -> bool:
        return self._stopped and self._read == self._written

    def close(self) -> None:
        self._stopped = True

    def trigger(self) -> Status:
        status = Status()
        with self._lock:
            if self._newest_only or self._read == self._written:
                self._waiting.append(status)
                return status
        status.set_finished()
        return status

    def read(self) -> dict[str, Any]:
        length = len(self._ring)
        with self._lock:
            start = max(self._read, self._written - length + 8)  # 8: being overwritten meanwhile
            if self._newest_only:
                start = self._written - 1
            place = start % length
            stop = place + min(self._written - start, length - place)
            self._read = start + stop - place
        return {self.name: {"value": self._ring[place:stop], "timestamp": time.time()}}

    def describe(self) -> dict[str, Any]:
        shape = list(self._ring.shape[1:])
        return {self.name: {"source": "benchmark", "dtype": "array", "shape": shape}}

    def read_configuration(self) -> dict[str, Any]:
        return {}

    def describe_configuration(self) -> dict[str, Any]:
        return {}


@contextmanager
def live_view_of(camera: Ring, viewer: napari.Viewer) -> Iterator[Session]:
    """Run the plan live view with a camera, shown in `viewer`."""
    with Session() as session:
        session.caches.stack_bytes = 1_500_000_000
        session.add_device(camera).result(10)
        link = ViewerLink(viewer, session)
        session.start("live_view", {"cameras": [camera.name]})
        spin_until(lambda: link.shown > 5)
        yield session
        session.stop()
        spin_until(lambda: not session.state.busy)
        camera.close()
        link.close()


@contextmanager
def streaming_view_of(
    factory: Callable[[], Microscope],
    viewer: napari.Viewer,
    ready: Callable[[Session], None] = lambda _session: None,
) -> Iterator[Session]:
    """Run the plan live view with a microscope whose camera streams, stashing, in `viewer`.

    `ready` is called with the session before the plan is started.
    """
    with Session() as session:
        session.caches.stack_bytes = 1_000_000_000
        session.open_microscope(factory).result(60)
        ready(session)
        link = ViewerLink(viewer, session)
        session.start("live_view")
        spin_until(lambda: link.shown > 5)
        session.request("stash", True)
        spin_until(lambda: session.actions["stash"].state.on)
        yield session
        session.stop()
        spin_until(lambda: not session.state.busy)
        link.close()


def stash_for(session: Session, seconds: float) -> None:
    """Let it stash; the stack is cleared before it is full."""
    stack = session.caches.stack(session.devices["camera"])
    end = perf_counter() + seconds
    while perf_counter() < end:
        spin(0.1)
        if stack.counts.nbytes > 0.7 * session.caches.stack_bytes:
            session.request("clear")


class CountingCore(pymmcore.CMMCore):
    """A core that says how many frames it made in its sequences, by the numbers it puts on them."""

    made = 0
    _last = -1

    def popNextImageMD(self, tags: pymmcore.Metadata) -> np.ndarray:  # noqa: N802 - the core's name
        image = super().popNextImageMD(tags)
        self._last = int(tags.GetSingleTag("ImageNumber").GetValue())
        return image

    def stopSequenceAcquisition(self) -> None:  # noqa: N802 - the core's name
        super().stopSequenceAcquisition()
        last = self._last
        if self.getRemainingImageCount():
            tags = pymmcore.Metadata()
            self.getLastImageMD(tags)
            last = int(tags.GetSingleTag("ImageNumber").GetValue())
        self.made += last + 1
        self._last = -1


class Steady:
    """A detector whose reading costs nothing."""

    name, parent = "steady", None

    def read(self) -> dict[str, Any]:
        return {self.name: {"value": 1.0, "timestamp": time.time()}}

    def describe(self) -> dict[str, Any]:
        return {self.name: {"source": "benchmark", "dtype": "number", "shape": []}}

    def event_rate(self, engine: RunEngine, wait: Callable[[], None]) -> float:
        """Return how many events a second the engine makes while `wait` runs."""
        over = False
        events = 0

        def plan() -> Any:
            nonlocal events
            yield Msg("open_run")
            while not over:
                yield Msg("checkpoint")
                yield Msg("create", name="primary")
                yield Msg("read", self)
                yield Msg("save")
                events += 1
            yield Msg("close_run")

        future = engine(plan())
        before, began = events, perf_counter()
        wait()
        rate = (events - before) / (perf_counter() - began)
        over = True
        future.result(10)
        return rate
