"""The writer of one image file."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from napari_skylight.frames import is_colour
from napari_skylight.recording._image_info import FileSettings, ImageInfo

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

    from napari_skylight.frames import Frame

_NO_WIDE_INTEGERS = ("int64", "uint64")


class LibraryMissingError(ImportError):
    """A library that writes or reads image files is not installed."""


def library(name: str) -> ModuleType:
    """Import a library of the extra ``record``; raise `LibraryMissingError` without it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.split(".")[0]
        extra = "tensorstore" if package == "tensorstore" else '"napari-skylight[record]"'
        raise LibraryMissingError(
            f"Image files need {package}, which is not installed. "
            f"Install it with: pip install {extra}",
            name=package,
        ) from error


def check_libraries(settings: FileSettings) -> None:
    """Raise `LibraryMissingError` if a library for `settings` is not installed; import none."""
    names = ["ome_writers", "zarr"] if settings.format == "ome-zarr" else ["tifffile"]
    if settings.format == "ome-zarr" and settings.backend == "tensorstore":
        names.append("tensorstore")
    for name in names:
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            library(name)


class FrameSink(Protocol):
    """Writes frames to a file of one format."""

    durable: int
    """The number of frames, from the first, that the system has taken."""

    def append(self, pixels: NDArray[Any], frame: Frame | None) -> None:
        """Write one frame; return when `pixels` may be changed."""

    def close(self) -> None:
        """Write the metadata that are known now, and close the file with `durable` frames."""


class FrameWriter:
    """Writes frames to an OME-Zarr or OME-TIFF file. For one thread.

    Parameters
    ----------
    path : Path
        The file, or the folder of an OME-Zarr image. It must not exist, or be empty, as
        `FileNames.claim` leaves it.
    info : ImageInfo
        Name, colour, place and leading axes of the image.
    shape : tuple of int
        Of a frame, in pixels: (Y, X), or (Y, X, 3) or (Y, X, 4) in colour.
    dtype : dtype
        Of a frame. float16 becomes float32 in a TIFF.
    settings : FileSettings
        Format, library and compression; default: uncompressed, in the format that the end of `path`
        says.

    Raises
    ------
    LibraryMissingError
        A library of the extra ``record`` is not installed.
    FileExistsError
        `path` exists.
    ValueError
        The format has no such frames, or `path` ends with the suffix of another.
    OSError
        The folder cannot be written.
    """

    def __init__(
        self,
        path: Path | str,
        info: ImageInfo,
        shape: tuple[int, ...],
        dtype: np.dtype[Any] | type | str,
        settings: FileSettings | None = None,
    ) -> None:
        self.path = Path(path)
        self.info = info
        of_path = FileSettings.for_path(path)
        self.settings = settings or of_path
        if self.settings.format != of_path.format:
            raise ValueError(
                f"The name of an {self.settings.format} file ends with "
                f"{self.settings.suffix}, not as {self.path.name!r} does."
            )
        self.shape = tuple(shape)
        self.written = 0
        self._closed = False
        _make_way(self.path)
        try:
            self.dtype = _written_dtype(np.dtype(dtype), self.settings)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._sink = self._open()
        except BaseException:  # an interrupt too: an empty file would keep the name
            remove_image(self.path)
            raise

    def _open(self) -> FrameSink:
        if len(self.shape) != 2 and not is_colour(self.shape):
            raise ValueError(
                f"Frames are written as (Y, X), or as (Y, X, 3) in colour, not as {self.shape}."
            )
        if self.settings.format == "ome-zarr":
            from napari_skylight.recording._zarr_sink import ZarrSink

            return ZarrSink(self.path, self.info, self.shape, self.dtype, self.settings)
        from napari_skylight.recording._tiff_sink import TiffSink

        return TiffSink(self.path, self.info, self.shape, self.dtype, self.settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def nbytes(self) -> int:
        """The bytes of the frames written, without compression."""
        return self.written * self.dtype.itemsize * int(np.prod(self.shape))

    @property
    def durable(self) -> int:
        """The number of frames that the system has taken; tensorstore may be four behind."""
        return self._sink.durable

    def append(self, pixels: NDArray[Any], frame: Frame | None = None) -> int:
        """Write one frame, and return how many are written; then `pixels` may be changed.

        Raises
        ------
        ValueError
            The frame has another shape or dtype; nothing was written.
        OSError
            The disk is full or gone. The frames before are in the file: call `close`. Of the
            frames that tensorstore was writing, some may be lost: see `written`.
        """
        if self._closed:
            raise ValueError(f"{self.path.name} is closed.")
        if pixels.shape != self.shape or not np.can_cast(pixels.dtype, self.dtype, "safe"):
            raise ValueError(
                f"{self.path.name} has frames of {self.shape}, {self.dtype}, "
                f"not of {pixels.shape}, {pixels.dtype}."
            )
        if self.written == self.info.count:
            raise ValueError(f"{self.path.name} has all of its {self.written} frames.")
        try:
            self._sink.append(np.asarray(pixels, self.dtype), frame)
        except OSError:
            self.written = self._sink.durable
            raise
        self.written += 1
        return self.written

    def close(self) -> None:
        """Complete the metadata and close the file. May raise OSError; it is closed even so."""
        if not self._closed:
            self._closed = True
            try:
                self._sink.close()
            finally:
                self.written = self._sink.durable

    def discard(self) -> None:
        """Close and delete the file."""
        try:
            self.close()
        finally:
            remove_image(self.path)


def remove_image(path: Path) -> None:
    """Delete an image, a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _make_way(path: Path) -> None:
    """Remove an empty file or folder, which holds a name; anything else raises FileExistsError."""
    try:
        if path.is_dir():
            path.rmdir()  # fails if there is anything in it
        elif path.stat().st_size == 0:
            path.unlink()
        else:
            raise FileExistsError
    except FileNotFoundError:
        return
    except FileExistsError:
        pass
    except OSError:
        if not path.is_dir() or not any(path.iterdir()):
            raise
    else:
        return
    raise FileExistsError(f"{path} exists. Choose another name: nothing is overwritten.")


def _written_dtype(dtype: np.dtype[Any], settings: FileSettings) -> np.dtype[Any]:
    """Return the native dtype in which frames are written."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind not in "iuf":
        raise ValueError(f"Pixels of type {dtype} cannot be written: only whole and real numbers.")
    if settings.format == "ome-tiff":
        if dtype.name in _NO_WIDE_INTEGERS:
            raise ValueError(
                f"OME-TIFF has no {dtype} pixels. Choose OME-Zarr, or convert them to int32."
            )
        if dtype.itemsize < 4 and dtype.kind == "f":
            return np.dtype(np.float32)
    return dtype.newbyteorder("=")
