"""Image files: OME-Zarr and OME-TIFF, and the store of runs.

Image files need the extra ``record``; its libraries are imported when the first file is written or
read.
"""

from napari_skylight.recording._image_info import Axis, FileSettings, ImageInfo
from napari_skylight.recording._names import FileNames, NameValues
from napari_skylight.recording._run_files import read_documents
from napari_skylight.recording._run_index import INTERRUPTED, OWN_METADATA, RunIndex, StoredRun
from napari_skylight.recording._run_store import RunStore
from napari_skylight.recording._writer import FrameWriter, LibraryMissingError

__all__ = [
    "INTERRUPTED",
    "OWN_METADATA",
    "Axis",
    "FileNames",
    "FileSettings",
    "FrameWriter",
    "ImageInfo",
    "LibraryMissingError",
    "NameValues",
    "RunIndex",
    "RunStore",
    "StoredRun",
    "read_documents",
]
