"""The Plot dock."""

from napari_skylight.widgets.plot._plot_panel import PlotPanel

__all__ = ["PlotPanel"]
