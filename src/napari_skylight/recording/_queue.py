"""The bounded queue of frames that wait to be written."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_skylight.engine import Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_skylight.frames import Frame

QUEUE_BYTES = 512_000_000
"""The default size of the queue."""


class QueueRoom:
    """Counts the bytes in the queues of all recorders. Thread-safe."""

    def __init__(self, max_bytes: int = QUEUE_BYTES) -> None:
        self._lock = threading.Lock()
        self._max_bytes = max_bytes
        self._used = 0
        self._waiting: deque[Status] = deque()

    @property
    def used(self) -> int:
        """The bytes in the queues."""
        return self._used

    @property
    def max_bytes(self) -> int:
        """The limit for `used`; it may be changed at any time."""
        return self._max_bytes

    @max_bytes.setter
    def max_bytes(self, nbytes: int) -> None:
        if nbytes <= 0:
            raise ValueError(f"The size of the queue must be positive, not {nbytes}.")
        self._max_bytes = nbytes
        self.give(0)

    def take(self, nbytes: int) -> bool:
        """Count `nbytes` if they fit, or if nothing is queued; return whether they were counted."""
        with self._lock:
            if self._used and self._used + nbytes > self._max_bytes:
                return False
            self._used += nbytes
            return True

    def force(self, nbytes: int) -> None:
        """Count `nbytes` even above the limit; the caller then waits for `has_room`."""
        with self._lock:
            self._used += nbytes

    def has_room(self) -> Status:
        """Return a status that ends when no more than the limit is used."""
        status = Status()
        with self._lock:
            if self._used > self._max_bytes:
                self._waiting.append(status)
                return status
        status.set_finished()
        return status

    def give(self, nbytes: int) -> None:
        """Take back `nbytes` that were counted."""
        with self._lock:
            self._used -= nbytes
            if self._used > self._max_bytes or not self._waiting:
                return
            waiting, self._waiting = self._waiting, deque()
        for status in waiting:
            status.set_finished()


class Queued(NamedTuple):
    """A copy of a frame in the queue."""

    pixels: NDArray[Any]
    frame: Frame


class FrameQueue:
    """The queue of one recorder, whose frames have one shape and dtype. Thread-safe.

    Each frame is copied once, into memory that is used again after `release`.
    """

    def __init__(self, room: QueueRoom) -> None:
        self.room = room
        self._changed = threading.Condition()
        self._frames: deque[Queued] = deque()
        self._free: list[NDArray[Any]] = []
        self._ended = False

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, pixels: NDArray[Any], frame: Frame, force: bool) -> bool:
        """Queue a copy of a frame; return False if it does not fit and `force` is off."""
        if force:
            self.room.force(pixels.nbytes)
        elif not self.room.take(pixels.nbytes):
            return False
        with self._changed:
            ours = self._free.pop() if self._free else None
        if ours is None:
            ours = np.empty(pixels.shape, pixels.dtype)
        np.copyto(ours, pixels)
        with self._changed:
            if not self._ended:
                self._frames.append(Queued(ours, frame))
                self._changed.notify()
                return True
        self.room.give(pixels.nbytes)
        return True

    def take(self, seconds: float) -> Queued | None:
        """Return the oldest frame; None if the queue is empty after `seconds`, or has ended."""
        with self._changed:
            if not self._frames and not self._ended:
                self._changed.wait(seconds)
            return self._frames.popleft() if self._frames else None

    def release(self, queued: Queued) -> None:
        """Use the memory of a frame that was taken and written for another frame."""
        with self._changed:
            self._free.append(queued.pixels)
        self.room.give(queued.pixels.nbytes)

    def wake(self) -> None:
        """End a waiting `take`."""
        with self._changed:
            self._changed.notify_all()

    def end(self) -> int:
        """Take no more frames, forget those in the queue, and return their number."""
        with self._changed:
            self._ended = True
            left, self._frames = self._frames, deque()
            self._free.clear()
            self._changed.notify_all()
        self.room.give(sum(each.pixels.nbytes for each in left))
        return len(left)
