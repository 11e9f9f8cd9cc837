"""Image files: OME-Zarr and OME-TIFF, and the store of runs.

Image files need the extra ``record``; its libraries are imported when the first file is written or
read.
"""

from napari_skylight.recording._image_files import (
    ImageFile,
    RunImages,
    image_files,
    read_run_images,
)
from napari_skylight.recording._image_info import Axis, FileSettings, ImageInfo
from napari_skylight.recording._names import FileNames, NameValues
from napari_skylight.recording._read import open_images
from napari_skylight.recording._recorder import FrameRecorder, Processing, RecordingEnded
from napari_skylight.recording._recordings import Recordings
from napari_skylight.recording._run_files import read_documents
from napari_skylight.recording._run_index import INTERRUPTED, OWN_METADATA, RunIndex, StoredRun
from napari_skylight.recording._run_store import RunStore
from napari_skylight.recording._save import save_image
from napari_skylight.recording._status import RecordingState, RecordingStatus
from napari_skylight.recording._stored_image import Channel, StoredImage
from napari_skylight.recording._tiled_store import TiledStore
from napari_skylight.recording._writer import FrameWriter, LibraryMissingError, remove_image

__all__ = [
    "INTERRUPTED",
    "OWN_METADATA",
    "Axis",
    "Channel",
    "FileNames",
    "FileSettings",
    "FrameRecorder",
    "FrameWriter",
    "ImageFile",
    "ImageInfo",
    "LibraryMissingError",
    "NameValues",
    "Processing",
    "RecordingEnded",
    "RecordingState",
    "RecordingStatus",
    "Recordings",
    "RunImages",
    "RunIndex",
    "RunStore",
    "StoredImage",
    "StoredRun",
    "TiledStore",
    "image_files",
    "open_images",
    "read_documents",
    "read_run_images",
    "remove_image",
    "save_image",
]
