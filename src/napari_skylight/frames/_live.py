"""The newest frame of one image key."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.frames._frame import Frame, Taken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Lock

    from numpy.typing import NDArray

    from napari_skylight.frames._batch import Batch, Images

__all__ = ["LiveFrames"]


class _Slot:
    """A buffer for one frame, and how many readers are copying out of it."""

    __slots__ = ("data", "frame", "pins")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.data: NDArray[Any] = np.empty(shape, dtype)
        self.frame: Frame | None = None
        self.pins = 0

    def fits(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
        return self.data.shape == shape and self.data.dtype == dtype


class LiveFrames:
    """Keeps the newest frame of one image key.

    Frames go into slots. A reader pins the newest slot while it copies out of it; the writer
    takes any slot that is neither the newest nor pinned, and makes one when there is none: there
    are never more than two and one per reader. So neither side waits for the other's copy, only
    for the few statements done under `lock`. There is one writer at a time.
    """

    def __init__(self, key: str, lock: Lock) -> None:
        self.key = key
        self.stashed = 0
        self.clears = 0
        self.withdrawn = 0  # never: the newest frame is overwritten, not kept
        self._lock = lock
        self._slots: list[_Slot] = []
        self._newest: _Slot | None = None
        self._next: _Slot

    @property
    def kept(self) -> int:
        """Frames kept: 0 or 1. To be read under the lock."""
        return 0 if self._newest is None else 1

    @property
    def nbytes(self) -> int:
        """Bytes of all slots. To be read under the lock."""
        return sum(slot.data.nbytes for slot in self._slots)

    def make_room(self, images: Images, wanted: int, room: int) -> int:
        """Return how many of `wanted` frames can be taken: all, unless there is no room for one.

        Raises
        ------
        MemoryError
            There is no memory for one more buffer.
        """
        if not room:
            return 0
        self._next = self._free_slot(images)
        return wanted

    def put(self, images: Images, batch: Batch, count: int) -> None:
        """Copy the last of `count` frames; those before it are no longer the newest anyway."""
        slot = self._next
        np.copyto(slot.data, images.pixels[count - 1])
        with self._lock:
            self.stashed += count
            slot.frame = Frame(self.key, self.stashed, images.taken(count - 1), batch.metadata)
            self._newest = slot

    def withdraw(self, numbers: range) -> None:
        """Do nothing: a live cache keeps no frame that could disagree with the events."""

    def newer(self, number: int) -> int:
        """Return how many frames are kept that have a higher number."""
        return self.kept if self.stashed > number else 0

    def _free_slot(self, images: Images) -> _Slot:
        shape, dtype = images.shape, images.dtype
        with self._lock:
            for slot in self._slots:
                if slot is not self._newest and not slot.pins and slot.fits(shape, dtype):
                    return slot
            slot = _Slot(shape, dtype)
            kept = [each for each in self._slots if each is self._newest or each.fits(shape, dtype)]
            self._slots = [*kept, slot]
            return slot

    def clear(self) -> None:
        """Forget the frame and every buffer. To be called under the lock."""
        self.clears += 1
        self._newest = None
        self._slots = []

    @contextmanager
    def borrow(self) -> Iterator[tuple[tuple[int, int, int], Taken]]:
        """Give the version and the newest frame, which is not written to meanwhile."""
        with self._lock:
            seen = self.stashed, self.clears, self.withdrawn
            slot = self._newest
            if slot is not None:
                slot.pins += 1
        try:
            if slot is None or slot.frame is None:
                yield seen, Taken(None, np.zeros((0, 1, 1), np.uint8), ())
            else:
                yield seen, Taken(slot.frame, slot.data, (slot.frame,))
        finally:
            if slot is not None:
                with self._lock:
                    slot.pins -= 1
