"""The core's continuous sequence acquisition."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.devices.mmcore._pixels import frame_of

if TYPE_CHECKING:
    from napari_skylight.devices.mmcore._core import Core
    from napari_skylight.devices.streaming import FrameStream

DRAIN_SECONDS = 0.004
"""How often the core's own buffer is emptied. By default that has room for 250 MB."""

SETTINGS_SECONDS = 0.1
"""How often the settings are read while streaming: other clients of the core may change them."""

NUMBER_TAG = "ImageNumber"
"""The core's number of a frame: 0, 1, … since the sequence was started."""

TIME_TAG = "TimeReceivedByCore"
"""When the core got a frame: local time, to the microsecond."""


class Sequence:
    """Drains what the core takes into a stream.

    When its circular buffer overflows, the core throws away all that is in it and goes on; the gap
    in the numbers it puts on the frames tells how many that were. Everything here happens on the
    camera's thread.

    Parameters
    ----------
    core : Core
    stream : FrameStream
        Where the frames go.
    settings : callable
        Returns the type of the pixels, and what goes with each frame by its data key.
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
        self._starts = 0  # counted, so that an old drain ends by itself
        self._expected = 0  # the number the core's next frame should have
        self._settings_due = 0.0  # by `time.monotonic`

    @property
    def on(self) -> bool:
        """Whether it was started and not stopped, paused or not; for any thread."""
        return self._wanted

    def start(self) -> int:
        """Begin; returns the number of the last frame before, the same one while it is on."""
        if not self._wanted:
            self._before = self._stream.begin()
            self._wanted = True
            self._go()
        return self._before

    def stop(self) -> None:
        """End it; every frame the core has is in the stream then."""
        self._wanted = False
        self._halt()

    def pause(self) -> None:
        """Hold it until `resume`, also if it is not started before."""
        self._paused = True
        self._halt()

    def resume(self) -> None:
        """Go on, if it was started."""
        self._paused = False
        if self._wanted and not self._running:
            self._go()

    def reset(self) -> None:
        """Stop, forget a pause, and let go of the frames, as is right before and after a plan."""
        try:
            self.stop()
        finally:
            self._paused = False
            self._stream.clear()

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """Hold it while something is set: few cameras take a setting while they run."""
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
        """Empty the core's buffer, now and ever again until the sequence is stopped."""
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
            if not thread.later(lambda: self._drain_again(starts), DRAIN_SECONDS):
                self.stop()  # the microscope is being closed
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, who drains is to know
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
                return  # it has overflowed just now: the next frame tells how many are gone
            number = int(tags.GetSingleTag(NUMBER_TAG).GetValue())
            if number > self._expected:
                self._stream.lose(number - self._expected)
            self._expected = number + 1
            taken = datetime.fromisoformat(tags.GetSingleTag(TIME_TAG).GetValue())
            self._stream.slot(image.shape, image.dtype, self._metadata)[:] = image
            self._stream.commit(taken.timestamp())
