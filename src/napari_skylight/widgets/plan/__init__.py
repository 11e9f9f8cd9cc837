"""The Plan control dock: choose a plan, run it, act inside it, see how it is going."""

from napari_skylight.widgets.plan._plan_control import PlanControl

__all__ = ["PlanControl"]
