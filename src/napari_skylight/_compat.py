"""The one place that reaches into napari's private parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from napari._app_model import get_app_model

if TYPE_CHECKING:
    from app_model import Application
    from napari.viewer import Viewer
    from qtpy.QtWidgets import QMainWindow


def unwrapped(viewer: Viewer) -> Viewer:
    """Return the viewer itself; napari hands plugins a proxy of it, slow and unequal to it."""
    return cast("Viewer", getattr(viewer, "__wrapped__", viewer))


def main_window(viewer: Viewer) -> QMainWindow | None:
    """Return the window of `viewer`, None once it is closed; napari has no event for that."""
    return cast("QMainWindow | None", getattr(unwrapped(viewer).window, "_qt_window", None))


def app_model() -> Application:
    """Return napari's registry of commands, menus and shortcuts: one for the process."""
    return cast("Application", get_app_model())
