"""The docks."""

from napari_skylight.widgets._devices import DevicesPanel
from napari_skylight.widgets._file_dialog import choose_file
from napari_skylight.widgets._plan_control import PlanControl

__all__ = ["DevicesPanel", "PlanControl", "choose_file"]
