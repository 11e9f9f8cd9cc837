"""The docks, and the Qt helpers that the plugin shares with them."""

from napari_skylight.widgets._dialogs import choose_file
from napari_skylight.widgets._display_text import action_caption, frames, plain_caption
from napari_skylight.widgets._file_dialogs import RecordDialog, SaveDialog
from napari_skylight.widgets._image_dialog import ImageDialog
from napari_skylight.widgets._signal_links import Links, gui_thread
from napari_skylight.widgets.devices import DevicesPanel
from napari_skylight.widgets.plan import PlanControl
from napari_skylight.widgets.plot import PlotPanel
from napari_skylight.widgets.runs import RunsPanel

__all__ = [
    "DevicesPanel",
    "ImageDialog",
    "Links",
    "PlanControl",
    "PlotPanel",
    "RecordDialog",
    "RunsPanel",
    "SaveDialog",
    "action_caption",
    "choose_file",
    "frames",
    "gui_thread",
    "plain_caption",
]
