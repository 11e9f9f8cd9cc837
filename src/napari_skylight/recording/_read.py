"""Opens image files."""

from __future__ import annotations

from pathlib import Path

from napari_skylight.recording._image_info import FileSettings
from napari_skylight.recording._stored_image import StoredImage


def open_images(path: Path | str) -> list[StoredImage]:
    """Return the images in a file or folder; empty if it is none that can be read.

    OME-Zarr of any program, and OME-TIFF of this one, also while they are being written: then the
    frames at that time. Pixels are read when they are indexed.

    Raises
    ------
    LibraryMissingError
        A library of the extra ``record`` is not installed.
    OSError
        The file cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        from napari_skylight.recording._read_zarr import read_zarr

        return read_zarr(path)
    try:
        tiff = FileSettings.for_path(path).format == "ome-tiff"
    except ValueError:
        return []
    from napari_skylight.recording._read_tiff import read_tiff

    return read_tiff(path) if tiff else []
