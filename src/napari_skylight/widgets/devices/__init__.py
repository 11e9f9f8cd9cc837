"""The Devices dock: a tree of devices and their signals."""

from napari_skylight.widgets.devices._devices_panel import DevicesPanel

__all__ = ["DevicesPanel"]
