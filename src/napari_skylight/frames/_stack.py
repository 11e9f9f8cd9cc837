"""All frames of one image key, and memory pages requested shortly before they are written."""

from __future__ import annotations

import ctypes
import mmap
import sys
from bisect import bisect_left
from contextlib import contextmanager
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.frames._frame import Frame, FrameList, Taken, sizes
from napari_skylight.protocols import StashRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from napari_skylight.frames._frame import Batch, Images

MOST_FRAMES = 2**20
"""The limit of a stack, however small the frames: each has metadata too."""

_LEAST = 32_000_000  # bytes ahead of the writer at least,
_MOST = 256_000_000  # and at most; in between, as much as was written
_CHUNK = 2**21  # bytes at a time: other requests for memory may have to wait
_POPULATE_WRITE = 23  # MADV_POPULATE_WRITE, in Linux since 5.14


class StackFrames:
    """Keeps all frames of one image key in one array.

    The first frame reserves the array at its full size: moving thousands of frames to a larger one
    would delay the camera. The system provides memory page by page at the first write (Windows
    reserves its page file at once); `_PagesAhead` requests the next pages. Views of the filled part
    are shown as they are, because no frame that a reader has seen is overwritten. There is one
    writer at a time.
    """

    def __init__(self, key: str, lock: Lock) -> None:
        self.key = key
        self.stashed = 0
        self.clears = 0
        self.withdrawn = 0
        self.kept = 0
        self._lent = 0  # frames of the array that readers have views of
        self._lock = lock
        self._frames: list[Frame] = []
        self._pixels: NDArray[Any] = np.zeros((0, 1, 1), np.uint8)
        self._pages = _PagesAhead(self._pixels)

    @property
    def nbytes(self) -> int:
        return int(self._pixels[: self.kept].nbytes)

    def make_room(self, images: Images, wanted: int, room: int) -> int:
        """Return how many of `wanted` frames fit, with memory for `room` more.

        Frames of another shape or dtype raise StashRefused; may raise MemoryError.
        """
        kept_shape, kept_dtype = self._pixels.shape[1:], self._pixels.dtype
        if self.kept and (kept_shape != images.shape or kept_dtype != images.dtype):
            raise StashRefused(
                f"it keeps frames of another shape, {sizes(kept_shape, kept_dtype)}, "
                f"not {sizes(images.shape, images.dtype)}"
            )
        room = min(room, MOST_FRAMES - self.kept)
        taken = min(room, wanted)
        rewritten = self._lent > self.kept  # readers have views of withdrawn frames
        if not self.kept or rewritten or self.kept + taken > len(self._pixels):
            self._reserve(images, self.kept + room)
        return taken

    def _reserve(self, images: Images, length: int) -> None:
        pixels = np.empty((length, *images.shape), images.dtype)
        if self.kept:
            pixels[: self.kept] = self._pixels[: self.kept]
        with self._lock:
            self._use(pixels)

    def _use(self, pixels: NDArray[Any]) -> None:
        """Replace the array, with the lock held."""
        self._pages.release()
        self._pages = _PagesAhead(pixels)
        self._pixels, self._lent = pixels, 0

    def put(self, images: Images, batch: Batch, count: int) -> None:
        start, stop = self.kept, self.kept + count
        np.copyto(self._pixels[start:stop], images.pixels[:count])
        metadata = batch.metadata
        if self._frames and self._frames[-1].metadata == metadata:
            metadata = self._frames[-1].metadata  # shared by equal frames
        self._frames += [
            Frame(self.key, self.stashed + place + 1, images.taken(place), metadata)
            for place in range(count)
        ]
        with self._lock:
            self.stashed += count
            self.kept = stop
        self._pages.advance(stop * images.frame_nbytes)

    def withdraw(self, numbers: range) -> None:
        """Remove the frames with these `numbers`; on a MemoryError nothing has changed."""
        start, stop = (self._place(number) for number in (numbers.start, numbers.stop))
        if start == stop:
            return
        frames = [*self._frames[:start], *self._frames[stop : self.kept]]
        pixels = self._pixels
        if stop < self.kept:
            pixels = np.empty_like(pixels)
            pixels[:start] = self._pixels[:start]
            pixels[start : len(frames)] = self._pixels[stop : self.kept]
        with self._lock:
            if pixels is not self._pixels:
                self._use(pixels)
            self._frames = frames  # a new list: readers still hold the old one
            self.kept = len(frames)
            self.withdrawn += stop - start

    def newer(self, number: int) -> int:
        return self.kept - self._place(number + 1)

    def _place(self, number: int) -> int:
        """Return the place of the first kept frame with `number` or a higher one."""
        return bisect_left(self._frames, number, hi=self.kept, key=lambda frame: frame.number)

    def clear(self) -> None:
        """Forget every frame and release the memory, with the lock held."""
        self.clears += 1
        self.kept = self._lent = 0
        self._frames = []  # a new list: readers still hold the old one
        self._pages.release()
        self._pixels = np.zeros((0, *self._pixels.shape[1:]), self._pixels.dtype)

    @contextmanager
    def borrow(self) -> Iterator[tuple[tuple[int, int, int], Taken]]:
        """Yield the version and a view of all frames, which are never overwritten."""
        with self._lock:
            seen = self.stashed, self.clears, self.withdrawn
            self._lent = max(self._lent, self.kept)
            pixels = self._pixels[: self.kept]
            frames = FrameList(self._frames, self.kept)
        pixels.flags.writeable = False
        yield seen, Taken(frames[-1] if frames else None, pixels, frames)


class _PagesAhead:
    """Requests the memory of a new array before it is written, on Linux.

    The system provides pages at their first write, which took up to 28 ms for 2048 × 2048 pixels on
    a virtual machine. A thread requests the pages ahead of the writer and ends when it is far
    enough ahead; `advance` starts another when half of the lead is used. The array is contiguous
    and written from start to end.
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self._array: NDArray[Any] | None = array if _populate is not None else None
        self._lock = Lock()
        self._written = 0
        self._ready = 0
        self._running = False

    def advance(self, written: int) -> None:
        """Note that the first `written` bytes are written; for one thread."""
        with self._lock:
            if self._array is None:
                return
            self._written = written
            self._ready = max(self._ready, written)
            if self._running or self._ready >= min(written + self._lead / 2, self._array.nbytes):
                return
            self._running = True
        Thread(target=self._run, name="skylight-pages", daemon=True).start()

    def release(self) -> None:
        """Release the array; the thread ends after its current chunk."""
        with self._lock:
            self._array = None

    @property
    def _lead(self) -> int:
        return min(max(_LEAST, self._written), _MOST)

    def _run(self) -> None:
        while self._fetch_chunk():
            pass

    def _fetch_chunk(self) -> bool:
        with self._lock:
            array = self._array  # a reference, so that its memory is not reused meanwhile
            start = self._ready
            if array is None or start >= min(self._written + self._lead, array.nbytes):
                self._running = False
                return False
            stop = min(start + _CHUNK, array.nbytes)
        there = _populate_range(array.ctypes.data + start, array.ctypes.data + stop)
        with self._lock:
            self._ready = max(self._ready, stop)
            if not there:  # an older system, or no memory left
                self._array = None
        return True


def _populate_range(start: int, stop: int) -> bool:
    page = mmap.PAGESIZE
    first, last = start // page * page, stop // page * page
    return _populate is None or _populate(first, last - first, _POPULATE_WRITE) == 0


def _find_populate() -> Callable[[int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    madvise = ctypes.CDLL(None).madvise  # called without the GIL, unlike mmap.madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    madvise.restype = ctypes.c_int
    return madvise


_populate = _find_populate()
