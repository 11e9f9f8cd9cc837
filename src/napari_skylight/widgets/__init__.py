"""The docks."""

from napari_skylight.widgets._devices import DevicesPanel
from napari_skylight.widgets._file_dialog import choose_file
from napari_skylight.widgets._log_records import LogUse
from napari_skylight.widgets._plan_control import PlanControl
from napari_skylight.widgets._runs_panel import RunsPanel

__all__ = ["DevicesPanel", "LogUse", "PlanControl", "RunsPanel", "choose_file"]
