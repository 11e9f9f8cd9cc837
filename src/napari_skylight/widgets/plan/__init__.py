"""The Plan control dock: choose a plan, run it, act inside it, see its progress."""

from napari_skylight.widgets.plan._plan_control import PlanControl

__all__ = ["PlanControl"]
