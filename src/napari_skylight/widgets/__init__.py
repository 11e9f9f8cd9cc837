"""The docks."""

from napari_skylight.widgets._plan_control import PlanControl

__all__ = ["PlanControl"]
