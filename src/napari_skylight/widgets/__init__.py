"""The docks."""

from napari_skylight.widgets._devices import DevicesPanel
from napari_skylight.widgets._plan_control import PlanControl

__all__ = ["DevicesPanel", "PlanControl"]
