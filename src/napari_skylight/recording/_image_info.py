"""What a file says about its image, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from napari_skylight.frames import Placement, placement_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_skylight.frames import Frame

Format = Literal["ome-zarr", "ome-tiff"]
Backend = Literal["zarr-python", "tensorstore"]
Compression = Literal["zstd"]

SUFFIXES: dict[Format, tuple[str, ...]] = {
    "ome-zarr": (".ome.zarr", ".zarr"),
    "ome-tiff": (".ome.tif", ".ome.tiff", ".tif", ".tiff"),
}
"""The first of each is what we write, the others are written if a user says so."""

_RGB = {
    "blue": "0000FF",
    "cyan": "00FFFF",
    "green": "00FF00",
    "yellow": "FFFF00",
    "bop orange": "F8AD20",
    "red": "FF0000",
    "magenta": "FF00FF",
}


def colour_of(colormap: str) -> str:
    """Return the brightest colour of one of our colormaps in hexadecimal; white of others."""
    return _RGB.get(colormap, "FFFFFF")


@dataclass(frozen=True, slots=True)
class FileSettings:
    """How an image is written.

    Attributes
    ----------
    format : {"ome-zarr", "ome-tiff"}
        OME-Zarr 0.5, or one OME-TIFF file.
    backend : {"zarr-python", "tensorstore"}
        The library that writes OME-Zarr. After a crash, zarr-python has all frames but the one that
        was being written; tensorstore is faster for small frames and may lose the last few.
    compression : "zstd", optional
        Lossless; default: none. A TIFF is compressed with Deflate instead, which all readers know.
    """

    format: Format = "ome-zarr"
    backend: Backend = "zarr-python"
    compression: Compression | None = None

    def __post_init__(self) -> None:
        for name, value, known in (
            ("format", self.format, get_args(Format)),
            ("backend", self.backend, get_args(Backend)),
            ("compression", self.compression, (None, *get_args(Compression))),
        ):
            if value not in known:
                choices = ", ".join(map(repr, known))
                raise ValueError(f"The {name} of a file is one of {choices}, not {value!r}.")

    @property
    def suffix(self) -> str:
        """The end of a file's name, such as ``.ome.zarr``."""
        return SUFFIXES[self.format][0]

    @classmethod
    def for_path(cls, path: Path | str, **settings: Any) -> Self:
        """Return settings whose format is that of the end of `path`; raise ValueError if none."""
        name = str(path).lower()
        for kind, suffixes in SUFFIXES.items():
            if name.endswith(suffixes):
                return cls(kind, **settings)
        known = ", ".join(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
        raise ValueError(f"The name of an image file ends with {known}; {name!r} does not.")


@dataclass(frozen=True, slots=True)
class Axis:
    """A leading axis of an image: t for time, in s, or z for depth, in µm; open-ended if None."""

    name: Literal["t", "z"] = "t"
    count: int | None = None
    scale: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """What a file says about its image.

    Attributes
    ----------
    name : str
        The name of the image and its channel.
    colormap : str
        The name of napari's colormap.
    colour : str
        Red, green and blue as six hexadecimal digits, for other programs.
    contrast_limits : (float, float), optional
        The values drawn black and white.
    scale, translate : (float, float)
        Size of a pixel and place of the first one, (Y, X).
    unit : {"um", "pixel"}
        The unit of both.
    axes : tuple of Axis
        The axes before (Y, X); only the first may be open-ended.
    runs : tuple of str
        The uids of the Bluesky runs that its frames are from.
    metadata : Mapping[str, Any]
        The values read with the first frame.
    """

    name: str
    colormap: str = "gray"
    colour: str = "FFFFFF"
    contrast_limits: tuple[float, float] | None = None
    scale: tuple[float, float] = (1.0, 1.0)
    translate: tuple[float, float] = (0.0, 0.0)
    unit: str = "pixel"
    axes: tuple[Axis, ...] = (Axis(),)
    runs: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_frame(
        cls,
        frame: Frame,
        *,
        name: str = "",
        colormap: str = "gray",
        count: int | None = None,
        run: str = "",
        runs: tuple[str, ...] = (),
        contrast_limits: tuple[float, float] | None = None,
    ) -> Self:
        """Return what is known from the first frame; `count` frames, or an open number."""
        place: Placement = placement_of(frame)
        return cls(
            name=name or frame.key,
            colormap=colormap,
            colour=colour_of(colormap),
            contrast_limits=contrast_limits,
            scale=(place.scale, place.scale),
            translate=place.translate,
            unit=place.unit,
            axes=(Axis("t", count),),
            runs=(*runs, *filter(None, (run,))),
            metadata=frame.metadata,
        )

    @property
    def count(self) -> int | None:
        """The number of frames; None if it is open."""
        total = 1
        for axis in self.axes:
            if axis.count is None:
                return None
            total *= axis.count
        return total

    def attributes(self, *, rgb: bool) -> dict[str, Any]:
        """Return what only this plugin reads, as plain JSON."""
        return {
            "version": 1,
            "name": self.name,
            "colormap": self.colormap,
            "contrast_limits": self.contrast_limits and list(self.contrast_limits),
            "axes": "".join(axis.name for axis in self.axes),
            "rgb": rgb,
            "unit": self.unit,
            "scale": list(self.scale),
            "translate": list(self.translate),
            "runs": list(self.runs),
            "metadata": dict(self.metadata),
        }
