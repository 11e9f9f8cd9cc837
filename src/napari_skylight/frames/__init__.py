"""Frames on their way from a plan to the screen.

A plan stashes readings into a `FrameCache` on any thread; a viewer takes them out with a
`FrameReader` on its own. Neither ever waits while the other copies pixels, and nothing a reader
is given is written to afterwards.
"""

from napari_skylight.frames._batch import is_colour
from napari_skylight.frames._cache import FrameCache
from napari_skylight.frames._frame import CacheCounts, CacheFullError, Frame, ReaderCounts, Taken
from napari_skylight.frames._reader import FrameReader
from napari_skylight.frames._store import CacheStore

__all__ = [
    "CacheCounts",
    "CacheFullError",
    "CacheStore",
    "Frame",
    "FrameCache",
    "FrameReader",
    "ReaderCounts",
    "Taken",
    "is_colour",
]
