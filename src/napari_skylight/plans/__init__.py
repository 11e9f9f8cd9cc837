"""The built-in plans, and the registry of all plans offered."""

from napari_skylight.plans._built_in import live_view, record, snap
from napari_skylight.plans._registry import OfferedPlan, PlanRegistry, plans_in

__all__ = ["OfferedPlan", "PlanRegistry", "live_view", "plans_in", "record", "snap"]
