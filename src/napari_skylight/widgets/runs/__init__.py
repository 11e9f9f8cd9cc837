"""The Runs dock: every run there was, with its settings, metadata and images."""

from napari_skylight.widgets.runs._runs_panel import RunsPanel

__all__ = ["RunsPanel"]
