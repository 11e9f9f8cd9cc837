"""A pool of memory that is reused when its last array is gone."""

from __future__ import annotations

import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

SPARES = 4


class BufferPool:
    """Allocates arrays in reused memory where possible.

    The system maps new memory page by page on the first write, which can take longer than making
    the frame, and longer still while other threads allocate. One thread at a time may allocate.
    """

    def __init__(self) -> None:
        self._spares: deque[NDArray[np.uint8]] = deque(maxlen=SPARES)

    def array(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an uninitialized array; its memory is reused when its last view is gone."""
        nbytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        memory = self._spare(nbytes)
        if memory is None:
            memory = np.empty(nbytes, np.uint8)
        # Of a memoryview, so that views of views refer to this array, not to the memory below it.
        array = np.frombuffer(memory.data, dtype).reshape(shape)
        owner = array.base
        assert isinstance(owner, np.ndarray)
        # A finalizer may run at any time on any thread: a deque needs no lock.
        weakref.finalize(owner, self._spares.append, memory).atexit = False
        return array

    def clear(self) -> None:
        """Release unused memory."""
        self._spares.clear()

    def _spare(self, nbytes: int) -> NDArray[np.uint8] | None:
        while True:
            try:
                memory = self._spares.pop()
            except IndexError:
                return None
            if memory.nbytes == nbytes:
                return memory
