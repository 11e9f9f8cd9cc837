"""Memory pages requested shortly before they are written."""

from __future__ import annotations

import ctypes
import mmap
import sys
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_LEAST = 32_000_000  # bytes ahead of the writer at least,
_MOST = 256_000_000  # and at most; in between, as much as was written
_CHUNK = 2**21  # bytes at a time: other requests for memory may have to wait
_POPULATE_WRITE = 23  # MADV_POPULATE_WRITE, in Linux since 5.14


class PagesAhead:
    """Requests the memory of a new array before it is written, on Linux.

    The system provides pages at their first write, which took up to 28 ms for 2048 × 2048 pixels on
    a virtual machine. A thread requests the pages ahead of the writer and ends when it is far
    enough ahead; `advance` starts another when half of the lead is used.

    Parameters
    ----------
    array : ndarray
        Contiguous, written from start to end.
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
