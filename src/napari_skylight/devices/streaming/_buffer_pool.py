"""Memory that is used again as soon as nobody looks at it any more."""

from __future__ import annotations

import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["BufferPool"]

SPARES = 4


class BufferPool:
    """Gives out arrays, in memory that was given out before where it can.

    The system hands out new memory page by page as it is first written, which can take longer than
    making the frame, and longer still while other threads ask for memory too. One thread at a time
    may ask.
    """

    def __init__(self) -> None:
        self._spares: deque[NDArray[np.uint8]] = deque(maxlen=SPARES)

    def array(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array, filled with anything; its memory is free when its last view is gone."""
        nbytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        memory = self._spare(nbytes)
        if memory is None:
            memory = np.empty(nbytes, np.uint8)
        # Of a memoryview, so that views of views refer to this array, not to the memory below it.
        array = np.frombuffer(memory.data, dtype).reshape(shape)
        owner = array.base
        assert isinstance(owner, np.ndarray)
        # A deque needs no lock, which is right for what may be called at any time on any thread.
        weakref.finalize(owner, self._spares.append, memory).atexit = False
        return array

    def clear(self) -> None:
        """Let go of what is not in use."""
        self._spares.clear()

    def _spare(self, nbytes: int) -> NDArray[np.uint8] | None:
        while True:
            try:
                memory = self._spares.pop()
            except IndexError:
                return None
            if memory.nbytes == nbytes:
                return memory
