"""The newest frame of one image key."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.frames._frame import Frame, Taken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Lock

    from numpy.typing import NDArray

    from napari_skylight.frames._frame import Batch, Images


@dataclass(eq=False, slots=True)
class _Slot:
    """A buffer for one frame."""

    data: NDArray[Any]
    frame: Frame | None = None
    pins: int = 0  # readers copying from it

    def fits(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
        return self.data.shape == shape and self.data.dtype == dtype


class LiveFrames:
    """Keeps the newest frame of one image key.

    A reader pins the newest slot while it copies; the writer takes one that is neither the newest
    nor pinned, or makes one: at most two and one per reader. So neither waits for the other's
    copy. There is one writer at a time.
    """

    def __init__(self, key: str, lock: Lock) -> None:
        self.key = key
        self.stashed = 0
        self.clears = 0
        self.withdrawn = 0  # never
        self._lock = lock
        self._slots: list[_Slot] = []
        self._newest: _Slot | None = None
        self._next: _Slot

    @property
    def kept(self) -> int:
        return 0 if self._newest is None else 1

    @property
    def nbytes(self) -> int:
        return sum(slot.data.nbytes for slot in self._slots)

    @property
    def frame_nbytes(self) -> int:
        """The bytes of the newest frame."""
        newest = self._newest
        return 0 if newest is None else newest.data.nbytes

    def make_room(self, images: Images, wanted: int, room: int) -> int:
        """Return how many of `wanted` frames fit: all or none; may raise MemoryError."""
        if not room:
            return 0
        self._next = self._free_slot(images)
        return wanted

    def put(self, images: Images, batch: Batch, count: int) -> None:
        slot = self._next
        np.copyto(slot.data, images.pixels[count - 1])
        with self._lock:
            self.stashed += count
            slot.frame = Frame(self.key, self.stashed, images.taken(count - 1), batch.metadata)
            self._newest = slot

    def withdraw(self, numbers: range) -> None:
        """Do nothing: a live cache only shows the newest frame."""

    def newer(self, number: int) -> int:
        return self.kept if self.stashed > number else 0

    def _free_slot(self, images: Images) -> _Slot:
        shape, dtype = images.shape, images.dtype
        with self._lock:
            for slot in self._slots:
                if slot is not self._newest and not slot.pins and slot.fits(shape, dtype):
                    return slot
            slot = _Slot(np.empty(shape, dtype))
            kept = [each for each in self._slots if each is self._newest or each.fits(shape, dtype)]
            self._slots = [*kept, slot]
            return slot

    def clear(self) -> None:
        """Forget the frame and every buffer, with the lock held."""
        self.clears += 1
        self._newest = None
        self._slots = []

    @contextmanager
    def borrow(self) -> Iterator[tuple[tuple[int, int, int], Taken]]:
        """Yield the version and the newest frame, which is not overwritten meanwhile."""
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
