"""Plans over protocols, what their forms show, and the list of plans to choose from."""

from napari_skylight.plans._live_view import live_view
from napari_skylight.plans._registry import PlanRegistry
from napari_skylight.plans._snap import snap

__all__ = ["PlanRegistry", "live_view", "snap"]
