"""The only module that uses napari's private parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from napari._app_model import get_app_model

if TYPE_CHECKING:
    from app_model import Application
    from napari.viewer import Viewer
    from qtpy.QtWidgets import QMainWindow


def unwrapped(viewer: Viewer) -> Viewer:
    """Return the viewer itself; napari gives plugins a proxy, which is slow and not equal to it."""
    return cast("Viewer", getattr(viewer, "__wrapped__", viewer))


def main_window(viewer: Viewer) -> QMainWindow | None:
    """Return the window of `viewer`, or None after it was closed; napari has no event for that."""
    return cast("QMainWindow | None", getattr(unwrapped(viewer).window, "_qt_window", None))


def app_model() -> Application:
    """Return napari's registry of commands, menus and shortcuts, one per process."""
    return cast("Application", get_app_model())
