"""Frozen descriptions of frames, and counts, which cross threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from napari_skylight.protocols import StashRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray


class CacheFullError(StashRefused):
    """A frame does not fit in the cache."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A stashed frame, without its pixels.

    Attributes
    ----------
    key : str
        The data key of the image, such as ``camera``.
    number : int
        1 for the first frame stashed under this key; a clear or withdrawal does not reset it.
    timestamp : float
        When the camera took it, in s since the epoch.
    metadata : Mapping[str, Any]
        The values read with it (``camera-exposure``, …), as plain Python. Shared between equal
        frames: not to be changed.
    """

    key: str
    number: int
    timestamp: float
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """The frames offered to a cache; ``acquired == stashed + refused``.

    Attributes
    ----------
    acquired, stashed, refused : int
        Frames offered, accepted and refused since the cache was made.
    kept : int
        Frames in the cache now.
    nbytes : int
        Bytes these frames take up (for a live cache: its buffers).
    lost : int
        Frames that a stream lost (``<key>-dropped``, see `FrameBatch`), not among `acquired`; in a
        stack also those lost while nothing was offered to it.
    withdrawn : int
        Frames among `stashed` that were removed because their event was dropped.
    """

    acquired: int
    stashed: int
    refused: int
    kept: int
    nbytes: int
    lost: int = 0
    withdrawn: int = 0


@dataclass(frozen=True, slots=True)
class ReaderCounts:
    """The frames of one reader; ``stashed == shown + skipped + waiting``."""

    stashed: int
    shown: int
    skipped: int
    waiting: int


class FrameList(Sequence[Frame]):
    """The first `length` frames of a list that only grows, without a copy."""

    __slots__ = ("_frames", "_length")

    def __init__(self, frames: list[Frame], length: int) -> None:
        self._frames = frames
        self._length = length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Frame: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Frame]: ...

    def __getitem__(self, index: int | slice) -> Frame | Sequence[Frame]:
        if isinstance(index, slice):
            return [self._frames[i] for i in range(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError(f"frame {index} of {self._length}")
        return self._frames[index % self._length]

    def __repr__(self) -> str:
        return f"<{self._length} frames>"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a reader took out of a cache under one image key.

    Attributes
    ----------
    frame : Frame or None
        The newest frame; None when the cache was cleared and nothing has been stashed since.
    data : ndarray
        Its pixels. From a live cache a copy of shape (Y, X) that belongs to the taker; from a stack
        a read-only view of every frame kept, of shape (N, Y, X). Of shape (0, Y, X) after a clear.
    frames : Sequence[Frame]
        The frames `data` holds, oldest first.
    """

    frame: Frame | None
    data: NDArray[Any]
    frames: Sequence[Frame]


def sizes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    """Return width, height and type of a frame: "640 × 480 uint16", "640 × 480 colour uint8"."""
    height, width, *colours = shape
    return f"{width} × {height}{' colour' * bool(colours)} {dtype}"
