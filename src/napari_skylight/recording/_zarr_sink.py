"""OME-Zarr 0.5, written by ome-writers."""

from __future__ import annotations

import json
import shutil
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.recording._frame_lines import LINES, FrameLines, read_lines
from napari_skylight.recording._image_info import SUFFIXES
from napari_skylight.recording._writer import library

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_skylight.frames import Frame
    from napari_skylight.recording._image_info import Axis, FileSettings, ImageInfo

NAMESPACE = "napari_skylight"

_COLOURS = (("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF"), ("alpha", "FFFFFF"))
_TINY = 2**16  # bytes; smaller frames of a known number share a chunk
_CHUNK = 2**20  # bytes, of frames that share one
_IN_FLIGHT = 4  # frames that tensorstore may be writing when `append` returns


class ZarrSink:
    """One image group with one array, ``0``: (t, Y, X), or (t, c, Y, X) in colour.

    A frame is a chunk, so that it is on disk when `append` returns. Frames of less than 64 KB whose
    number is known share chunks of about 1 MB.
    """

    def __init__(
        self,
        path: Path,
        info: ImageInfo,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        settings: FileSettings,
    ) -> None:
        writers = library("ome_writers")
        library("zarr")
        if settings.backend == "tensorstore":
            library("tensorstore")
        self._path = path
        self._info = info
        self._colours = shape[2] if len(shape) > 2 else 0
        frame_nbytes = int(np.prod(shape[:2])) * dtype.itemsize
        dimensions = [
            writers.Dimension(
                name=axis.name,
                type="time" if axis.name == "t" else "space",
                count=axis.count,
                chunk_size=_frames_in_chunk(info, axis, frame_nbytes),
                scale=axis.scale,
                unit=None if axis.scale is None else _UNITS[axis.name],
            )
            for axis in info.axes
        ]
        if self._colours:
            dimensions.append(
                writers.Dimension(name="c", type="channel", count=self._colours, chunk_size=1)
            )
        unit = "micrometer" if info.unit == "um" else None
        for place, name in enumerate("yx"):
            dimensions.append(
                writers.Dimension(
                    name=name,
                    type="space",
                    count=shape[place],
                    chunk_size=shape[place],
                    scale=info.scale[place],
                    translation=info.translate[place],
                    unit=unit,
                )
            )
        # Without its own suffix, ome-writers adds another.
        ends = [each for each in SUFFIXES["ome-zarr"] if path.name.lower().endswith(each)]
        suffix = path.name[-len(ends[0]) :]
        self._stream = writers.create_stream(
            writers.AcquisitionSettings(
                root_path=str(path),
                dimensions=dimensions,
                dtype=dtype.name,
                compression=settings.compression,
                storage_order="acquisition",
                format={
                    "name": "ome-zarr",
                    "backend": settings.backend,
                    "suffix": path.name[-len(suffix) :],
                },
            )
        )
        self._tensorstore = settings.backend == "tensorstore"
        self._pending: deque[tuple[list[Any], int]] = deque()
        self.durable = 0
        self._describe(dtype)
        self._lines = FrameLines(path / "0" / LINES)

    def append(self, pixels: NDArray[Any], frame: Frame | None) -> None:
        try:
            self._append(pixels, frame)
        except OSError:
            with suppress(OSError):  # of a frame that is being written
                self._wait(0)
            raise

    def _append(self, pixels: NDArray[Any], frame: Frame | None) -> None:
        if self._tensorstore:
            pixels = pixels.copy()  # it reads the pixels later
        planes = np.moveaxis(pixels, 2, 0) if self._colours else (pixels,)
        for plane in planes:
            self._stream.append(plane)
        if self._tensorstore:
            self._follow_writes(1)
            self._wait(_IN_FLIGHT)
        else:
            self.durable += 1
        if frame is not None:
            self._lines.append(frame)

    def close(self) -> None:
        self._lines.close()
        try:
            if self._tensorstore:
                self._wait(0)
            if self._info.axes:
                self._set_interval()
        finally:
            try:
                self._close_stream()
            finally:
                if self._info.axes:
                    self._shorten()

    def _close_stream(self) -> None:
        """Write the chunks that are not full, and close the file."""
        self._stream.close()
        if self._tensorstore:
            self._follow_writes(0)
            self._wait(0)

    def _follow_writes(self, frames: int) -> None:
        """Take over the writes that tensorstore has begun, for this number of frames."""
        # ome-writers waits only when it closes, and keeps every write's future until then.
        backend = self._stream._backend
        self._pending.append((backend._futures, frames))
        backend._futures = []

    def _wait(self, most: int) -> None:
        """Wait until at most `most` frames are being written; raise OSError if one could not be."""
        while len(self._pending) > most:
            futures, frames = self._pending[0]
            try:
                for future in futures:
                    future.result()
            except ValueError as error:
                raise OSError(str(error)) from error
            self._pending.popleft()
            self.durable += frames

    def _describe(self, dtype: np.dtype[Any]) -> None:
        """Write names, colours and contrast, which are there from the first frame on."""
        info = self._info
        low, high = info.contrast_limits or _range_of(dtype)
        least, most = _range_of(dtype)
        window = {"min": min(least, low), "max": max(most, high), "start": low, "end": high}
        channels = _COLOURS[: self._colours] or ((info.name, info.colour),)
        metadata = self._stream.get_metadata()
        attributes = metadata["."]
        attributes["ome"]["multiscales"][0]["name"] = info.name
        attributes["ome"]["omero"] = {
            "name": info.name,
            "channels": [
                {"label": label, "color": colour, "window": window, "active": True}
                for label, colour in channels
            ],
        }
        attributes[NAMESPACE] = info.attributes(rgb=bool(self._colours))
        self._stream.update_metadata(metadata)

    def _set_interval(self) -> None:
        """Set the scale of an open time axis to the mean interval, in s."""
        first, last, count = None, None, 0
        for frame in read_lines(self._lines.path):
            first = frame.timestamp if first is None else first
            last, count = frame.timestamp, count + 1
        axis = self._info.axes[0]
        if axis.name != "t" or axis.scale is not None or first is None or last is None:
            return
        interval = (last - first) / (count - 1) if count > 1 else 0.0
        if interval <= 0:
            return
        metadata = self._stream.get_metadata()
        image = metadata["."]["ome"]["multiscales"][0]
        image["axes"][0]["unit"] = "second"
        for change in image["datasets"][0]["coordinateTransformations"]:
            if change["type"] == "scale":
                change["scale"][0] = interval
        self._stream.update_metadata(metadata)

    def _shorten(self) -> None:
        """Cut off frames that were not written."""
        file = self._path / "0" / "zarr.json"
        before = file.read_bytes()
        metadata = json.loads(before)
        inner = int(np.prod([axis.count or 1 for axis in self._info.axes[1:]]))
        length = -(-self.durable // inner)
        if metadata["shape"][0] <= length:
            return
        metadata["shape"][0] = length
        after = json.dumps(metadata, separators=(",", ":")).encode()
        with file.open("r+b") as stream:  # in place: the disk may be full
            stream.write(after.ljust(len(before)))
        chunk = metadata["chunk_grid"]["configuration"]["chunk_shape"][0]
        for folder in (self._path / "0" / "c").glob("*"):
            if int(folder.name) * chunk >= length:
                shutil.rmtree(folder, ignore_errors=True)


_UNITS = {"t": "second", "z": "micrometer"}


def _frames_in_chunk(info: ImageInfo, axis: Axis, frame_nbytes: int) -> int:
    """Return how many frames along `axis` share a chunk."""
    if info.count is None or axis is not info.axes[-1] or frame_nbytes >= _TINY:
        return 1
    assert axis.count is not None
    return min(axis.count, max(1, _CHUNK // frame_nbytes))


def _range_of(dtype: np.dtype[Any]) -> tuple[float, float]:
    if dtype.kind == "f":
        return 0.0, 1.0
    return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
