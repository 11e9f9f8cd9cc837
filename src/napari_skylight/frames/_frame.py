"""The images in a reading, and frozen descriptions and counts of frames, which cross threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from napari_skylight.protocols import StashRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bluesky.protocols import Reading
    from numpy.typing import NDArray

_PIXEL_KINDS = "biuf"  # bool, signed, unsigned, floating: what a screen can show as grey levels
_COLOURS = (3, 4)  # red, green, blue, and alpha
_PLAIN = frozenset((bool, int, float, str))


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


# Every frame passes here with cold processor caches: each line is expensive.


class Images(NamedTuple):
    """The frames of one image key, still the camera's own."""

    pixels: NDArray[Any]  # (N, Y, X), or (N, Y, X, C) in colour
    dtype: np.dtype[Any]
    timestamp: float
    timestamps: Sequence[float] | None

    @property
    def shape(self) -> tuple[int, ...]:
        """(Y, X) or (Y, X, C)."""
        return self.pixels.shape[1:]

    @property
    def frame_nbytes(self) -> int:
        return self.pixels.nbytes // len(self.pixels)

    def taken(self, place: int) -> float:
        return self.timestamp if self.timestamps is None else float(self.timestamps[place])


class Batch(NamedTuple):
    images: Mapping[str, Images]
    metadata: Mapping[str, Any]
    length: int  # of each image key


def is_colour(shape: Sequence[int]) -> bool:
    """Return whether the last axis of an image or a batch is red, green, blue (and alpha).

    That is so for a length of 3 or 4 behind two axes that are longer.
    """
    return len(shape) > 2 and shape[-1] in _COLOURS and min(shape[-3:-1]) > max(_COLOURS)


def newest_frame(array: NDArray[Any]) -> NDArray[Any]:
    """Return the last frame, (Y, X) or (Y, X, C), along all leading axes of `array`."""
    axes = 3 if is_colour(array.shape) else 2
    newest: NDArray[Any] = array[(-1,) * (array.ndim - axes)]
    return newest


def batch_from_reading(values: Mapping[str, Reading[Any]]) -> Batch:
    """Find the images in a reading, without copying them; see `FrameCache.stash`.

    A reading without images, or with one that cannot be shown, raises ValueError.
    """
    images: dict[str, Images] = {}
    metadata: dict[str, Any] = {}
    for key, reading in values.items():
        value = reading["value"]
        if getattr(value, "ndim", 0) >= 2:
            pixels = _frames_of(key, np.asarray(value))
            times: Any = reading.get("timestamps")
            if times is not None and len(times) != len(pixels):
                raise ValueError(
                    f"The image {key!r} has {len(pixels)} frames, but {len(times)} times of them."
                )
            dtype = _kept_dtype(pixels.dtype)
            images[key] = Images(pixels, dtype, float(reading["timestamp"]), times)
        else:
            metadata[key] = _plain(value)
    if not images:
        raise ValueError(
            f"There is no image among the values {sorted(values)}: "
            "a cache keeps readings that have an array of two axes."
        )
    length = len(next(iter(images.values())).pixels)
    if len(images) > 1 and any(len(each.pixels) != length for each in images.values()):
        lengths = {key: len(each.pixels) for key, each in images.items()}
        raise ValueError(f"The images of one reading have different numbers of frames: {lengths}.")
    return Batch(images, metadata, length)


def _frames_of(key: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return `array` as (N, Y, X) or (N, Y, X, C), leading axes of length one dropped."""
    shape = array.shape
    if array.dtype.kind not in _PIXEL_KINDS:
        raise ValueError(
            f"The image {key!r} has values of type {array.dtype}; "
            "only whole, real and true/false numbers can be shown."
        )
    if 0 in shape:
        raise ValueError(f"The image {key!r} is empty: its shape is {shape}.")
    if len(shape) == 2:
        return array[np.newaxis]
    axes = 3 if is_colour(shape) else 2
    leading = [length for length in shape[:-axes] if length > 1]
    if len(leading) > 1:
        raise ValueError(
            f"The image {key!r} has the shape {shape}; only (height, width), colour images "
            "(height, width, 3), and batches of either can be kept."
        )
    return array.reshape(leading[0] if leading else 1, *shape[-axes:])


def _kept_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which pixels are kept: native, bool as uint8."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    return dtype if dtype.isnative else dtype.newbyteorder("=")


def _plain(value: Any) -> Any:
    """Return `value` as plain Python; mutable values are copied."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value
