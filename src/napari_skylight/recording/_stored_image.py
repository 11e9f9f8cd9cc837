"""An image in a file, read when it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from napari_skylight.frames import Frame


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of an image: its name, and its colour in hexadecimal."""

    name: str
    colour: str = "FFFFFF"
    contrast_limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class StoredImage:
    """An image in a file.

    Attributes
    ----------
    name : str
    levels : sequence of array
        The pixels, first at full resolution; read from the file when they are indexed.
    axes : str
        One letter for each axis of the pixels, such as "tyx", or "tcyx" with channels.
    scale, translate : tuple of float
        One for each axis but c.
    units : tuple of str
        One for each axis but c: "um", "pixel" or another length or time.
    channels : tuple of Channel
        At least one; red, green and blue if `rgb`.
    rgb : bool
        Whether the channels are the colours of one image.
    colormap : str
        The name of napari's colormap, in files of ours; empty in others.
    runs : tuple of str
        The uids of the Bluesky runs.
    metadata : Mapping[str, Any]
        The values read with the first frame.
    frames : Sequence[Frame]
        What was read with each frame; empty if it is not known.
    """

    name: str
    levels: Sequence[Any]
    axes: str
    scale: tuple[float, ...]
    translate: tuple[float, ...]
    units: tuple[str, ...]
    channels: tuple[Channel, ...]
    rgb: bool = False
    colormap: str = ""
    runs: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    frames: Sequence[Frame] = ()


class StoredFrames(Sequence[Frame]):
    """The frames of an image, read by `load` when they are looked at."""

    def __init__(self, load: Callable[[], list[Frame]]) -> None:
        self._load = load
        self._frames: list[Frame] | None = None

    @property
    def _all(self) -> list[Frame]:
        if self._frames is None:
            self._frames = self._load()
        return self._frames

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, index: int) -> Frame: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Frame]: ...

    def __getitem__(self, index: int | slice) -> Frame | Sequence[Frame]:
        return self._all[index]

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._all)
