"""The built-in plans, and the registry of all plans offered."""

from napari_skylight.plans._live_view import live_view
from napari_skylight.plans._registry import OfferedPlan, PlanRegistry, plans_in
from napari_skylight.plans._snap import snap

__all__ = ["OfferedPlan", "PlanRegistry", "live_view", "plans_in", "snap"]
