"""The Devices dock: what is connected, and the settings of each."""

from napari_skylight.widgets.devices._devices_panel import DevicesPanel

__all__ = ["DevicesPanel"]
