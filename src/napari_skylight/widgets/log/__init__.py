"""The log, kept while there is anyone to read it, and the list that shows it."""

from napari_skylight.widgets.log._log_records import LogUse
from napari_skylight.widgets.log._log_view import LogView

__all__ = ["LogUse", "LogView"]
