"""The frames of a streaming camera, from its thread to the plan that collects them."""

from __future__ import annotations

import logging
import math
import weakref
from collections import deque
from collections.abc import Mapping
from threading import Lock
from typing import Any

import numpy as np
from bluesky.protocols import Reading
from numpy.typing import DTypeLike, NDArray

from napari_skylight.engine import Status
from napari_skylight.protocols import FrameBatch

SPARES = 4
STREAM_BYTES = 256_000_000
CHUNK_BYTES = 16_000_000
CHUNK_FRAMES = 256

_logger = logging.getLogger("napari_skylight")


class BufferPool:
    """Allocates arrays in reused memory where possible, for one thread at a time.

    The system maps new memory page by page on the first write, which can take longer than making
    the frame, and longer still while other threads allocate.
    """

    def __init__(self) -> None:
        self._spares: deque[NDArray[np.uint8]] = deque(maxlen=SPARES)

    def array(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an uninitialized array; its memory is reused when its last view is gone."""
        nbytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        memory = np.empty(0, np.uint8)
        while memory.nbytes != nbytes:
            try:
                memory = self._spares.pop()
            except IndexError:
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


class _Chunk:
    """Consecutive frames in one array, with the same settings."""

    __slots__ = ("first", "metadata", "pixels", "times")

    def __init__(self, first: int, pixels: NDArray[Any], metadata: Mapping[str, Any]) -> None:
        self.first = first
        self.pixels = pixels
        self.metadata = metadata
        self.times: list[float] = []

    @property
    def last(self) -> int:
        return self.first + len(self.times) - 1

    def takes(
        self, number: int, shape: tuple[int, ...], dtype: DTypeLike, metadata: Mapping[str, Any]
    ) -> bool:
        return (
            number == self.last + 1
            and len(self.times) < len(self.pixels)
            and self.pixels.shape[1:] == shape
            and self.pixels.dtype == dtype
            and (self.metadata is metadata or self.metadata == metadata)
        )


class FrameStream:
    """Keeps the frames of a camera until they are drained; the oldest are lost when it is full.

    One thread makes frames: for each, it fills the `slot` and calls `commit`. Any other thread may
    drain them. Frames are numbered from 1. A frame is not overwritten while it is referenced, so
    the arrays that `drain` returns may be kept; each keeps a chunk of the stream's memory alive.

    Parameters
    ----------
    name : str
        Name of the camera and data key of its image.
    max_bytes : int
        Limit for the memory of the kept frames.
    """

    def __init__(self, name: str, *, max_bytes: int = STREAM_BYTES) -> None:
        self.name = name
        self.max_bytes = max_bytes
        self._lock = Lock()
        self._buffers = BufferPool()
        self._chunks: deque[_Chunk] = deque()
        self._filling: _Chunk | None = None
        self._newest: tuple[_Chunk, int] | None = None
        self._made = 0
        self._taken = 0  # frames up to here are drained for good, for later ones were asked for
        self._dropped = 0  # of them
        self._gap = range(0)  # what is missing after them
        self._warned = False
        self._error: BaseException | None = None
        self._arrivals: list[Status] = []

    def slot(
        self, shape: tuple[int, ...], dtype: DTypeLike, metadata: Mapping[str, Any]
    ) -> NDArray[Any]:
        """Return the array to make the next frame in.

        Parameters
        ----------
        shape, dtype
            Of the frame: (Y, X), or (Y, X, 3) in colour.
        metadata : Mapping
            Scalars of the frame by full data key. Must not be changed afterwards.
        """
        chunk = self._filling
        if chunk is None or not chunk.takes(self._made + 1, shape, dtype, metadata):
            frame_bytes = math.prod(shape) * np.dtype(dtype).itemsize
            # An eighth: when the stream is full, a whole chunk is lost to make room for the next.
            length = min(CHUNK_BYTES, self.max_bytes // 8) // frame_bytes
            length = max(1, min(length, CHUNK_FRAMES))
            chunk = _Chunk(self._made + 1, self._buffers.array((length, *shape), dtype), metadata)
            self._filling = chunk
        frame: NDArray[Any] = chunk.pixels[len(chunk.times)]
        return frame

    def commit(self, timestamp: float) -> None:
        """Add the frame in the slot, taken at `timestamp`, to the stream."""
        chunk = self._filling
        if chunk is None:
            raise RuntimeError("There is no frame to commit: make it in the slot first.")
        with self._lock:
            if not chunk.times:
                total = chunk.pixels.nbytes + sum(kept.pixels.nbytes for kept in self._chunks)
                while self._chunks and total > self.max_bytes:
                    total -= self._chunks.popleft().pixels.nbytes
                self._chunks.append(chunk)
            self._newest = chunk, len(chunk.times)
            chunk.times.append(timestamp)
            self._made += 1
            arrivals, self._arrivals = self._arrivals, []
        for arrival in arrivals:
            arrival.set_finished()

    def lose(self, count: int) -> None:
        """Count frames that were lost before they arrived."""
        with self._lock:
            self._made += count

    def fail(self, error: BaseException) -> None:
        """End the stream: `drain` and pending arrivals raise `error`."""
        with self._lock:
            self._error = error
            arrivals, self._arrivals = self._arrivals, []
        for arrival in arrivals:
            arrival.set_exception(error)

    @property
    def dropped(self) -> int:
        """Number of frames lost before they were drained, since `begin`."""
        with self._lock:
            return self._dropped + len(self._gap)

    def begin(self) -> int:
        """Reset the counts and the error; return the number of the last frame."""
        with self._lock:
            self._taken = self._made
            self._dropped, self._gap = 0, range(0)
            self._warned = False
            self._error = None
            return self._made

    def clear(self) -> None:
        """Release all frames, when no thread makes frames any more."""
        with self._lock:
            self._chunks.clear()
            self._filling = self._newest = None
        self._buffers.clear()
        self.release()

    def release(self) -> None:
        """End every `arrival`, so that none times out during a pause."""
        with self._lock:
            arrivals, self._arrivals = self._arrivals, []
        for arrival in arrivals:
            arrival.set_finished()

    def arrival(self, seconds: float) -> Status:
        """Return a status that ends with the next frame, or fails after `seconds`."""
        what = f"The next frame of the {self.name} (is it waiting for a trigger of its own?)"
        status = DescribedStatus(what, seconds)
        with self._lock:
            error = self._error
            if error is None:
                self._arrivals.append(status)
        if error is not None:
            status.set_exception(error)
        return status

    def read(self) -> dict[str, Reading[Any]]:
        """Return a copy of the newest frame, with its scalars; RuntimeError if there is none."""
        with self._lock:
            newest = self._newest
        if newest is None:
            raise RuntimeError(f"The {self.name} has taken no frame yet: trigger it first.")
        chunk, place = newest
        # A copy: documents keep it, and would keep all of the chunk with it.
        return readings(
            {self.name: chunk.pixels[place].copy(), **chunk.metadata}, chunk.times[place]
        )

    def drain(self, after: int) -> FrameBatch:
        """Return frames after the one numbered `after`; see `StreamingCamera.drain`.

        The frames are views of the stream's memory: read-only, not overwritten while referenced.
        """
        with self._lock:
            while self._chunks and self._chunks[0].last <= after:
                if self._chunks[0] is self._filling:
                    break
                self._chunks.popleft()
            chunk = self._chunks[0] if self._chunks and self._chunks[0].last > after else None
            if chunk is not None:
                first, last = max(chunk.first, after + 1), chunk.last
            elif self._error is None:
                first, last = self._made + 1, max(self._made, after)
            else:
                raise self._error
            lost = max(0, first - after - 1)
            dropped = self._account(first, after)
            if chunk is None:
                return FrameBatch({}, (), last, self._made, lost)
            part = slice(first - chunk.first, last - chunk.first + 1)
            pixels, times = chunk.pixels[part], chunk.times[part]
            pixels.flags.writeable = False
            values = {self.name: pixels, **chunk.metadata, f"{self.name}-dropped": dropped}
            return FrameBatch(readings(values, times[-1]), times, last, self._made, lost)

    def _account(self, first: int, after: int) -> int:
        """Return how many frames before `first` were lost, each counted once."""
        if after > self._taken:
            if after >= self._gap.stop - 1:
                self._dropped += len(self._gap)
            self._taken = after
        self._gap = range(self._taken + 1, first)
        if self._gap and not self._warned:
            self._warned = True
            _logger.warning(
                "Frames of the %s were lost: it makes them faster than they are collected. "
                "Expose longer, or read a smaller part of the sensor.",
                self.name,
            )
        return self._dropped + len(self._gap)


class DescribedStatus(Status):
    """A status whose time-out message begins with `what` is being done."""

    def __init__(self, what: str, seconds: float) -> None:
        self._what = what
        super().__init__(timeout=round(seconds, 3))

    def __repr__(self) -> str:
        return self._what


def readings(values: Mapping[str, Any], timestamp: float) -> dict[str, Reading[Any]]:
    return {key: Reading(value=value, timestamp=timestamp) for key, value in values.items()}
