"""napari's private parts, used only here, and its notifications in the plugin's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from napari._app_model import get_app_model
from napari.utils.notifications import ErrorNotification, Notification, notification_manager

if TYPE_CHECKING:
    from app_model import Application
    from napari.viewer import Viewer
    from qtpy.QtWidgets import QMainWindow

PLUGIN = "napari-skylight"


def unwrapped(viewer: Viewer) -> Viewer:
    """Return the viewer itself; napari gives plugins a proxy, which is slow and not equal to it."""
    return cast("Viewer", getattr(viewer, "__wrapped__", viewer))


def main_window(viewer: Viewer) -> QMainWindow | None:
    """Return the window of `viewer`, or None after it was closed; napari has no event for that."""
    return cast("QMainWindow | None", getattr(unwrapped(viewer).window, "_qt_window", None))


def app_model() -> Application:
    """Return napari's registry of commands, menus and shortcuts, one per process."""
    return cast("Application", get_app_model())


class _Notice(Notification):  # type: ignore[misc] # napari is not typed
    source = PLUGIN  # otherwise napari shows its own manager here


class _ErrorNotice(ErrorNotification):  # type: ignore[misc]
    source = PLUGIN


def show_info(message: str) -> None:
    notification_manager.dispatch(_Notice(message, "INFO"))


def show_error(message: str, error: BaseException | None = None) -> None:
    """Show a problem; with `error`, its traceback is one click away."""
    if error is None:
        notification_manager.dispatch(_Notice(message, "ERROR"))
    else:
        notice = _ErrorNotice(error)
        notice.message = message
        notification_manager.dispatch(notice)
