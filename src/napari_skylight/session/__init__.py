"""The composition root: one engine, its devices, plans and caches, with no window needed."""

from napari_skylight.session._device_signals import Setting, SettingInfo, SettingKind
from napari_skylight.session._earlier_runs import EarlierRuns, FiledImages
from napari_skylight.session._next_recording import NextFile, NextRecording, free_bytes
from napari_skylight.session._pending_sets import SetCancelled
from napari_skylight.session._problems import in_words
from napari_skylight.session._recent_values import data_folder, home_folder
from napari_skylight.session._run_documents import RunDocuments
from napari_skylight.session._run_history import KeptImages, RunHistory, RunRecord, StashedFrames
from napari_skylight.session._run_progress import Progress, Waiting
from napari_skylight.session._run_values import RunValues, Series
from napari_skylight.session._saves import ImageLook, SaveCancelled, SaveProgress, Saves
from napari_skylight.session._session import Session
from napari_skylight.session._signal_watch import SettingState, SettingsWatch
from napari_skylight.session._tasks import RunInfo, SessionState, Tally

__all__ = [
    "EarlierRuns",
    "FiledImages",
    "ImageLook",
    "KeptImages",
    "NextFile",
    "NextRecording",
    "Progress",
    "RunDocuments",
    "RunHistory",
    "RunInfo",
    "RunRecord",
    "RunValues",
    "SaveCancelled",
    "SaveProgress",
    "Saves",
    "Series",
    "Session",
    "SessionState",
    "SetCancelled",
    "Setting",
    "SettingInfo",
    "SettingKind",
    "SettingState",
    "SettingsWatch",
    "StashedFrames",
    "Tally",
    "Waiting",
    "data_folder",
    "free_bytes",
    "home_folder",
    "in_words",
]
