"""The core's continuous sequence acquisition."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import numpy as np

from napari_skylight.devices.mmcore._core import Core
from napari_skylight.devices.mmcore._pixels import frame_of
from napari_skylight.devices.streaming import FrameStream

DRAIN_SECONDS = 0.004
"""How often the core's circular buffer, 250 MB by default, is emptied."""

SETTINGS_SECONDS = 0.1
"""How often settings are read while streaming: other clients of the core may change them."""

NUMBER_TAG = "ImageNumber"
"""The core's number of a frame, from 0 at the start of the sequence."""

TIME_TAG = "TimeReceivedByCore"
"""When the core received a frame: local time, to the microsecond."""


class Sequence:
    """Moves frames from the core into `stream`, on the camera's thread.

    `settings` returns the dtype of the pixels, and the scalars of a frame by data key. When its
    circular buffer overflows, the core discards the whole content and continues; the gap in the
    frame numbers tells how many frames were lost.
    """

    def __init__(
        self,
        core: Core,
        stream: FrameStream,
        settings: Callable[[], tuple[np.dtype[Any], Mapping[str, Any]]],
    ) -> None:
        self._core = core
        self._stream = stream
        self._settings = settings
        from pymmcore import Metadata

        self._tags = Metadata()
        self._wanted = self._paused = self._running = False
        self._before = 0
        self._starts = 0  # so that the drain of an earlier start ends
        self._expected = 0  # number of the core's next frame
        self._settings_due = 0.0  # by `time.monotonic`

    @property
    def on(self) -> bool:
        """Whether it is started, paused or not; for any thread."""
        return self._wanted

    def start(self) -> int:
        """Start; return the number of the last frame before the start."""
        if not self._wanted:
            self._before = self._stream.begin()
            self._wanted = True
            self._go()
        return self._before

    def stop(self) -> None:
        """Stop, with all frames of the core in the stream."""
        self._wanted = False
        self._halt()

    def pause(self) -> None:
        """Hold until `resume`, also if not started yet."""
        self._paused = True
        self._halt()

    def resume(self) -> None:
        """Continue, if started."""
        self._paused = False
        if self._wanted and not self._running:
            self._go()

    def reset(self) -> None:
        """Stop, clear a pause, and release the frames: before and after a plan."""
        try:
            self.stop()
        finally:
            self._paused = False
            self._stream.clear()

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """Hold while a signal is set: few cameras allow that while they run."""
        was_running = self._running
        self._halt()
        try:
            yield
        finally:
            if was_running:
                self._go()

    def _go(self) -> None:
        if self._paused:
            return
        self._read_settings()
        self._expected = 0
        try:
            self._core.mmc.startContinuousSequenceAcquisition(0)
        except RuntimeError as error:
            problem = f"The {self._stream.name} did not start. Micro-Manager says: {error}"
            self._stream.fail(RuntimeError(problem))
            raise RuntimeError(problem) from error
        self._running = True
        self._starts += 1
        self._drain_again(self._starts)

    def _halt(self) -> None:
        self._stream.release()
        if self._running:
            self._running = False
            self._core.mmc.stopSequenceAcquisition()
            self._drain()

    def _drain_again(self, starts: int) -> None:
        """Empty the core's buffer now and repeatedly, until the sequence is stopped."""
        if not self._running or starts != self._starts:
            return
        try:
            has_ended = not self._core.mmc.isSequenceRunning()
            self._drain()
            if time.monotonic() >= self._settings_due:
                self._read_settings()
            if has_ended:
                raise RuntimeError(f"The {self._stream.name} stopped taking frames by itself.")
            thread = self._core.camera_thread
            if not thread.put(lambda: self._drain_again(starts), DRAIN_SECONDS):
                self.stop()  # the microscope is being closed
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is raised by drain
            self._stream.fail(error)

    def _read_settings(self) -> None:
        self._dtype, self._metadata = self._settings()
        self._settings_due = time.monotonic() + SETTINGS_SECONDS

    def _drain(self) -> None:
        mmc, tags = self._core.mmc, self._tags
        for _ in range(mmc.getRemainingImageCount()):
            try:
                image = frame_of(mmc.popNextImageMD(tags), self._dtype)
            except RuntimeError:
                if mmc.getRemainingImageCount():
                    raise
                return  # just overflowed: the next number tells the loss
            number = int(tags.GetSingleTag(NUMBER_TAG).GetValue())
            if number > self._expected:
                self._stream.lose(number - self._expected)
            self._expected = number + 1
            taken = datetime.fromisoformat(tags.GetSingleTag(TIME_TAG).GetValue())
            self._stream.slot(image.shape, image.dtype, self._metadata)[:] = image
            self._stream.commit(taken.timestamp())
