"""The built-in processes: running mean, median background, maximum projection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 8  # sorted at once: they stay in the processor's cache


class _Window:
    """The last `length` frames, in any order, copied into memory that is used again."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._count = 0
        self._frames: NDArray[Any]

    @property
    def oldest(self) -> NDArray[Any] | None:
        """The frame that the next one replaces; None while there is room."""
        is_full = self._count >= self._length
        return self._frames[self._count % self._length] if is_full else None

    def add(self, frame: NDArray[Any]) -> NDArray[Any]:
        """Copy `frame` in place of the oldest; return all, of shape (n, *frame.shape)."""
        if not self._count:
            self._frames = np.empty((self._length, *frame.shape), frame.dtype)
        self._frames[self._count % self._length] = frame
        self._count += 1
        return self._frames[: self._count]


class RunningMean:
    """The mean of the last `frames` frames: float32, or the camera's dtype in colour.

    Real-valued colours are shown from 0 to 1 only: those of a camera are rounded.
    """

    def __init__(self, frames: int) -> None:
        self._window = _Window(frames)
        self._sum: Any = 0

    def __call__(self, frame: NDArray[Any]) -> NDArray[Any]:
        """Return the mean of `frame` and those before, up to `frames`."""
        mean = self._mean(frame)
        if frame.ndim > 2 and frame.dtype.kind != "f":
            mean = np.rint(mean)
            return mean.astype(frame.dtype, copy=False)
        return mean.astype(np.float32)

    def _mean(self, frame: NDArray[Any]) -> NDArray[np.float64]:
        if frame.dtype.kind == "f" or frame.dtype.itemsize > 4:
            mean: NDArray[np.float64] = self._window.add(frame).mean(axis=0, dtype=np.float64)
            return mean
        # whole numbers are summed without an error: no need to begin again
        self._sum = self._sum + frame.astype(np.int64)
        if (oldest := self._window.oldest) is not None:
            self._sum -= oldest
        return np.asarray(self._sum / len(self._window.add(frame)))


class _MedianBackground:
    """The median of the last `frames` frames, the newest among them, as a background."""

    def __init__(self, frames: int) -> None:
        self._window = _Window(frames)

    def background(self, frame: NDArray[Any]) -> NDArray[np.float32]:
        if frame.ndim > 2:
            raise ValueError("this process takes grey frames; this camera is in colour")
        window = self._window.add(frame)
        if window.dtype.itemsize == 1:
            window = window.astype(np.uint16 if window.dtype.kind == "u" else np.int16)
        low, high = (len(window) - 1) // 2, len(window) // 2
        median = np.empty(frame.shape, np.float32)
        for start in range(0, len(frame), _ROWS):
            # several times faster than numpy.median, which partitions
            rows = np.sort(window[:, start : start + _ROWS], axis=0)
            median[start : start + _ROWS] = (rows[low].astype(np.float64) + rows[high]) / 2
        return median


class MedianDivided(_MedianBackground):
    """Each frame over the median of the last `frames`: float32, 1 where nothing changes.

    Pixels whose median is 0 become 0.
    """

    def __call__(self, frame: NDArray[Any]) -> NDArray[Any]:
        """Return `frame` over its background."""
        background = self.background(frame)
        quotient = np.zeros_like(background)
        np.divide(frame, background, out=quotient, where=background != 0, casting="unsafe")
        return quotient


class MedianSubtracted(_MedianBackground):
    """Each frame minus the median of the last `frames`: float32, 0 where nothing changes."""

    def __call__(self, frame: NDArray[Any]) -> NDArray[Any]:
        """Return `frame` minus its background."""
        return frame.astype(np.float32) - self.background(frame)


class MaximumProjection:
    """The largest value of each pixel since the start or *clear*, in the camera's dtype."""

    def __init__(self) -> None:
        self._largest: NDArray[Any] | None = None

    def __call__(self, frame: NDArray[Any]) -> NDArray[Any]:
        """Return the largest of `frame` and all before."""
        if self._largest is None:
            self._largest = frame.copy()
        else:
            np.fmax(self._largest, frame, out=self._largest)
        return self._largest
