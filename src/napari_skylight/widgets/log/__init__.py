"""The log view."""

from napari_skylight.widgets.log._log_view import LogView

__all__ = ["LogView"]
