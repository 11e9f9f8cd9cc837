"""OME-TIFF, written by tifffile: every page is complete when it is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.frames import placement_of, value_named
from napari_skylight.recording._frame_lines import LINES, FrameLines, read_lines
from napari_skylight.recording._tiff_patch import end_after, write_description
from napari_skylight.recording._writer import library

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_skylight.frames import Frame
    from napari_skylight.recording._image_info import FileSettings, ImageInfo

NAMESPACE = "napari-skylight"

_CLASSIC = 2**31  # bytes; larger files, or those of unknown size, are BigTIFF
_UM_PER_CM = 1e4
_ROOM = b" " * 256  # so that the number of frames can be corrected in place


def lines_path(path: Path) -> Path:
    """Return the line file of a TIFF, which is there while it is written and after a crash."""
    return path.with_name(f"{path.name}.{LINES}")


class TiffSink:
    """One file with one page a frame.

    The OME-XML of an open-ended file says one frame until it is closed. What was read with the
    frames goes to a line file beside it, which becomes part of the OME-XML at the end.
    """

    def __init__(
        self,
        path: Path,
        info: ImageInfo,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        settings: FileSettings,
    ) -> None:
        self._tifffile = library("tifffile")
        self._path = path
        self._info = info
        self._shape = shape
        self._dtype = dtype
        count = info.count
        nbytes = None if count is None else count * int(np.prod(shape)) * dtype.itemsize
        self._writer = self._tifffile.TiffWriter(
            path, bigtiff=nbytes is None or nbytes > _CLASSIC, ome=False, shaped=False
        )
        self._arguments = self._page_arguments(settings)
        self.durable = 0
        self._size = 0
        self._is_cut = False
        self._lines = FrameLines(lines_path(path))

    def append(self, pixels: NDArray[Any], frame: Frame | None) -> None:
        # A bytes object is kept as it is; of a str only ASCII.
        first = self._description(self._info.count or 1) + _ROOM if not self.durable else None
        try:
            self._writer.write(pixels, description=first, **self._arguments)
            self._writer.filehandle.flush()
        except OSError:
            self._is_cut = True
            raise
        self.durable += 1
        self._size = self._path.stat().st_size
        if frame is not None:
            self._lines.append(frame)

    def close(self) -> None:
        self._lines.close()
        try:
            self._writer.close()
        except OSError:
            self._is_cut = True
        if self.durable:
            if self._is_cut:
                self._cut()
            self._complete()
        self._lines.path.unlink()

    def _cut(self) -> None:
        """Remove the page that the disk did not take."""
        with self._tifffile.TiffFile(self._path) as file:
            place = file.pages[self.durable - 1].offset
        end_after(self._path, place, self._size)

    def _complete(self) -> None:
        """Write the number of frames, and what was read with them."""
        frames = list(read_lines(self._lines.path))
        try:
            write_description(self._path, self._description(self.durable, frames))
        except OSError:
            write_description(self._path, self._description(self.durable))  # fits in place
            raise

    def _description(self, count: int, frames: Sequence[Frame] = ()) -> bytes:
        return self._xml(count, frames).encode()

    def _page_arguments(self, settings: FileSettings) -> dict[str, Any]:
        tags: dict[str, Any] = {
            "contiguous": False,
            "metadata": None,
            "software": "napari-skylight",
            "photometric": "rgb" if len(self._shape) > 2 else "minisblack",
            "compression": "zlib" if settings.compression else None,
        }
        if len(self._shape) > 2:
            tags |= {"planarconfig": "contig"}
            if self._shape[2] == 4:
                tags["extrasamples"] = ("unassalpha",)
        if self._info.unit == "um":
            y, x = self._info.scale
            tags |= {
                "resolution": (_UM_PER_CM / x, _UM_PER_CM / y),
                "resolutionunit": self._tifffile.RESUNIT.CENTIMETER,
            }
        return tags

    def _xml(self, count: int, frames: Sequence[Frame]) -> str:
        """Return OME-XML for `count` frames, with what was read with them."""
        info = self._info
        height, width, *colours = self._shape
        lead = _lead_of(info, count)
        axes = "".join(axis.name.upper() for axis in info.axes) + "YX" + "S" * len(colours)
        metadata: dict[str, Any] = {"Name": info.name}
        if info.unit == "um":
            y, x = info.scale
            metadata |= {"PhysicalSizeX": x, "PhysicalSizeXUnit": "µm"}
            metadata |= {"PhysicalSizeY": y, "PhysicalSizeYUnit": "µm"}
        for axis in info.axes:
            if axis.scale is not None and axis.name == "z":
                metadata |= {"PhysicalSizeZ": axis.scale, "PhysicalSizeZUnit": "µm"}
            elif axis.scale is not None:
                metadata |= {"TimeIncrement": axis.scale, "TimeIncrementUnit": "s"}
        channel: dict[str, Any] = {"Name": info.name}
        if not colours:
            channel["Color"] = _signed_rgba(info.colour)
        metadata["Channel"] = channel
        if len(frames) == count:
            metadata["Plane"] = _planes_of(frames)
            if len(info.axes) == 1 and count > 1 and info.axes[0].scale is None:
                interval = (frames[-1].timestamp - frames[0].timestamp) / (count - 1)
                if interval > 0:
                    metadata |= {"TimeIncrement": interval, "TimeIncrementUnit": "s"}
        own = info.attributes(rgb=bool(colours))
        texts = {key: json.dumps(value, default=str) for key, value in own.items()}
        if frames:
            texts["frames"] = self._lines.path.read_text(encoding="utf-8")
        metadata["MapAnnotation"] = {"Namespace": NAMESPACE, "Value": texts}
        document = self._tifffile.OmeXml(Creator="napari-skylight")
        document.addimage(
            self._dtype,
            (*lead, *self._shape),
            (count, 1, 1, height, width, colours[0] if colours else 1),
            axes=axes,
            **metadata,
        )
        return str(document.tostring(declaration=True))


def _lead_of(info: ImageInfo, count: int) -> tuple[int, ...]:
    """Return the lengths of the leading axes for `count` frames."""
    inner = [axis.count or 1 for axis in info.axes[1:]]
    return (count // int(np.prod(inner)), *inner) if info.axes else ()


def _planes_of(frames: Sequence[Frame]) -> dict[str, list[Any]]:
    """Return the values that OME-XML keeps by plane."""
    start = frames[0].timestamp
    planes: dict[str, list[Any]] = {
        "DeltaT": [round(frame.timestamp - start, 6) for frame in frames],
        "DeltaTUnit": ["s"] * len(frames),
    }
    exposures = [value_named("exposure", frame) for frame in frames]
    if None not in exposures:
        planes |= {"ExposureTime": exposures, "ExposureTimeUnit": ["s"] * len(frames)}
    places = [placement_of(frame) for frame in frames]
    if all(place.unit == "um" for place in places):
        for axis, name in enumerate("YX"):
            planes[f"Position{name}"] = [place.translate[axis] for place in places]
            planes[f"Position{name}Unit"] = ["µm"] * len(frames)
    return planes


def _signed_rgba(colour: str) -> int:
    """Return a colour as OME-XML has it: red, green, blue, alpha in a signed 32-bit number."""
    value = int(f"{colour}FF", 16)
    return value - 2**32 if value >= 2**31 else value
