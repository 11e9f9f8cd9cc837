"""The composition root: one engine, its devices, plans and caches, with no window needed."""

from napari_skylight.session._errors import in_words
from napari_skylight.session._history import KeptImages, RunHistory, RunRecord, StashedFrames
from napari_skylight.session._home import home_folder
from napari_skylight.session._progress import Progress, Waiting
from napari_skylight.session._run import RunInfo, SessionState
from napari_skylight.session._run_documents import RunDocuments
from napari_skylight.session._session import Session
from napari_skylight.session._settings import Setting, SettingInfo, SettingKind
from napari_skylight.session._settings_watch import SettingState, SettingsWatch
from napari_skylight.session._tally import Tally

__all__ = [
    "KeptImages",
    "Progress",
    "RunDocuments",
    "RunHistory",
    "RunInfo",
    "RunRecord",
    "Session",
    "SessionState",
    "Setting",
    "SettingInfo",
    "SettingKind",
    "SettingState",
    "SettingsWatch",
    "StashedFrames",
    "Tally",
    "Waiting",
    "home_folder",
    "in_words",
]
