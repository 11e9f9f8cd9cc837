"""Frames to files, and documents to the run store."""

from napari_skylight.recording._run_files import read_documents
from napari_skylight.recording._run_index import INTERRUPTED, OWN_METADATA, RunIndex, StoredRun
from napari_skylight.recording._run_store import RunStore

__all__ = [
    "INTERRUPTED",
    "OWN_METADATA",
    "RunIndex",
    "RunStore",
    "StoredRun",
    "read_documents",
]
