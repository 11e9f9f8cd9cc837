"""The docks."""

from napari_skylight.widgets._devices import DevicesPanel
from napari_skylight.widgets._file_dialog import choose_file
from napari_skylight.widgets._gui_thread import gui_thread
from napari_skylight.widgets._links import Links
from napari_skylight.widgets._log_records import LogUse
from napari_skylight.widgets._plan_control import PlanControl
from napari_skylight.widgets._runs_panel import RunsPanel
from napari_skylight.widgets._words import words_for

__all__ = [
    "DevicesPanel",
    "Links",
    "LogUse",
    "PlanControl",
    "RunsPanel",
    "choose_file",
    "gui_thread",
    "words_for",
]
