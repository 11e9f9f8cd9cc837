"""Frames between a plan, which stashes them in a `FrameCache`, and a viewer's `FrameReader`.

Neither waits while the other copies pixels, and what a reader returns is never written again.
"""

from napari_skylight.frames._cache import FrameCache
from napari_skylight.frames._files import FileFrames, FileNotReadyError, read_datum, read_newest
from napari_skylight.frames._frame import (
    CacheCounts,
    CacheFullError,
    Frame,
    ReaderCounts,
    Taken,
    is_colour,
    newest_frame,
)
from napari_skylight.frames._placement import (
    ChannelColours,
    Placement,
    placement_of,
    value_named,
)
from napari_skylight.frames._reader import FrameReader
from napari_skylight.frames._store import CacheStore

__all__ = [
    "CacheCounts",
    "CacheFullError",
    "CacheStore",
    "ChannelColours",
    "FileFrames",
    "FileNotReadyError",
    "Frame",
    "FrameCache",
    "FrameReader",
    "Placement",
    "ReaderCounts",
    "Taken",
    "is_colour",
    "newest_frame",
    "placement_of",
    "read_datum",
    "read_newest",
    "value_named",
]
