"""The reader of a cache, one for each viewer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.frames._frame import ReaderCounts, Taken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_skylight.frames._cache import FrameCache
    from napari_skylight.frames._live import LiveFrames
    from napari_skylight.frames._stack import StackFrames


@dataclass(slots=True)
class _Cursor:
    """What a reader has seen of one image key."""

    seen: tuple[int, int, int] = (0, 0, 0)  # frames stashed, clears, frames withdrawn
    shown: int = 0


class FrameReader:
    """Takes the newest frames of a `FrameCache` for one viewer, and counts those it skips.

    `take` is for one thread at a time, the rest for any. A reader needs no closing.
    """

    def __init__(self, cache: FrameCache) -> None:
        self.cache = cache
        self._cursors: dict[str, _Cursor] = {}

    @property
    def keys(self) -> tuple[str, ...]:
        """The image keys, in the order of their first frame."""
        return self.cache.keys

    @property
    def shown(self) -> int:
        """Frames shown, over all image keys."""
        return sum(cursor.shown for cursor in tuple(self._cursors.values()))

    def has_news(self, key: str) -> bool:
        """Return whether `take` would return frames or a change."""
        cursor, frames = self._find(key)
        return cursor.seen != _version(frames)

    def was_cleared(self, key: str) -> bool:
        """Return whether the cache was cleared since the last `take`."""
        cursor, frames = self._find(key)
        return frames.clears != cursor.seen[1]

    def counts(self, key: str | None = None) -> ReaderCounts:
        """Return the counts of this reader for `key`, or for all keys."""
        keys = self.keys if key is None else (key,)
        stashed = shown = waiting = 0
        with self.cache._lock:
            for each in keys:
                cursor, frames = self._find(each)
                stashed += frames.stashed + self.cache._announced.get(each, 0)
                shown += cursor.shown
                waiting += frames.newer(cursor.seen[0])
        return ReaderCounts(stashed, shown, stashed - shown - waiting, waiting)

    def take(
        self, key: str, out: NDArray[Any] | None = None, *, on_screen: bool = True
    ) -> Taken | None:
        """Return what is new under `key`, or None when nothing is.

        Parameters
        ----------
        key : str
            One of `keys`.
        out : ndarray, optional
            Array for the newest frame of a live cache, used if shape and dtype fit.
        on_screen : bool
            The newest frame will be shown; otherwise it counts as skipped.
        """
        cursor, frames = self._find(key)
        if cursor.seen == _version(frames):
            return None
        with frames.borrow() as (seen, taken):
            if self.cache.kind == "live" and taken.frame is not None:
                taken = replace(taken, data=_copy(taken.data, out))
        # after a withdrawal the newest frame may have been shown before
        new = taken.frame is not None and taken.frame.number > cursor.seen[0]
        with self.cache._lock:
            cursor.seen = seen
            cursor.shown += new and on_screen
        return taken

    def arm(self) -> None:
        """Make the cache emit `changed` once, at its next change; check `has_news` afterwards."""
        with self.cache._lock:
            self.cache._armed = True

    def _find(self, key: str) -> tuple[_Cursor, LiveFrames | StackFrames]:
        frames = self.cache._frames[key]
        cursor = self._cursors.get(key)
        if cursor is None:
            cursor = self._cursors.setdefault(key, _Cursor())
        return cursor, frames


def _version(frames: LiveFrames | StackFrames) -> tuple[int, int, int]:
    return frames.stashed, frames.clears, frames.withdrawn


def _copy(data: NDArray[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    if out is None or out.shape != data.shape or out.dtype != data.dtype:
        return data.copy()
    np.copyto(out, data)
    return out
