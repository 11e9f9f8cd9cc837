"""Which frames a recording takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from napari_skylight.frames import Frame
from napari_skylight.frames._frame import sizes

if TYPE_CHECKING:
    import numpy as np

    from napari_skylight.frames._frame import Batch, Images
    from napari_skylight.protocols import RecordingSettings
    from napari_skylight.recording._queue import FrameQueue


class First(NamedTuple):
    """The first frame, and what it says about the others."""

    frame: Frame
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Intake:
    """Queues frames of one shape and dtype, without a gap. For one thread.

    Parameters
    ----------
    queue : FrameQueue
    settings : RecordingSettings
    slow : str
        What is slower than the camera when the queue is full, with a verb.

    Attributes
    ----------
    taken : int
        The number of frames queued since the start.
    first : First or None
    """

    def __init__(self, queue: FrameQueue, settings: RecordingSettings, slow: str) -> None:
        self.taken = 0
        self.first: First | None = None
        self._queue = queue
        self._settings = settings
        self._slow = slow
        self._dropped: int | None = None

    @property
    def is_complete(self) -> bool:
        """Whether it has the number of frames of the settings."""
        return self.taken == self._settings.frames

    def take(self, batch: Batch) -> str:
        """Queue the frames of `batch` up to the number wanted; return why not, if not all."""
        (key, images), *others = batch.images.items()
        if others:
            return f"it has several images ({', '.join(batch.images)}), and a file is of one."
        if problem := self._misfit(key, images, batch):
            return problem
        pixels = images.pixels.astype(images.dtype, copy=False)
        for place in range(batch.length):
            frame = Frame(key, self.taken + 1, images.taken(place), batch.metadata)
            if self.first is None:
                self.first = First(frame, images.shape, images.dtype)
            if not self._queue.put(pixels[place], frame, force=self._settings.waits):
                return (
                    f"{self._slow} slower than the camera, and the queue of "
                    f"{self._queue.room.max_bytes / 1e6:,.4g} MB is full. Record fewer or smaller "
                    "frames a second, or raise the size of the queue in Preferences."
                )
            self.taken += 1
            if self.is_complete:
                break
        return ""

    def _misfit(self, key: str, images: Images, batch: Batch) -> str:
        """Return why frames cannot follow those before, or an empty text."""
        dropped = batch.metadata.get(f"{key}-dropped")
        if isinstance(dropped, int):
            before, self._dropped = self._dropped, dropped
            if before is not None and dropped > before:
                count = dropped - before
                return (
                    f"the camera lost {count} frame{'s' * (count != 1)}: it makes them faster than "
                    "they are collected. Expose longer, or read a smaller part of the sensor."
                )
        first = self.first
        if first is None:
            return ""
        if key != first.frame.key:
            return f"its image is now called {key}, not {first.frame.key}. Start another recording."
        if (images.shape, images.dtype) != (first.shape, first.dtype):
            return (
                f"its frames changed from {sizes(first.shape, first.dtype)} to "
                f"{sizes(images.shape, images.dtype)}. Start another recording for them."
            )
        return ""
