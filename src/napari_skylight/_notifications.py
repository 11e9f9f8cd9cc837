"""napari's notifications, with the plugin as their source."""

from __future__ import annotations

from napari.utils.notifications import ErrorNotification, Notification, notification_manager

PLUGIN = "napari-skylight"


class _Notice(Notification):  # type: ignore[misc] # napari is not typed
    source = PLUGIN  # otherwise napari shows its own manager here


class _ErrorNotice(ErrorNotification):  # type: ignore[misc]
    source = PLUGIN


def show_info(message: str) -> None:
    """Show a message."""
    notification_manager.dispatch(_Notice(message, "INFO"))


def show_error(message: str, error: BaseException | None = None) -> None:
    """Show a problem; with `error`, its traceback is one click away."""
    if error is None:
        notification_manager.dispatch(_Notice(message, "ERROR"))
    else:
        notice = _ErrorNotice(error)
        notice.message = message
        notification_manager.dispatch(notice)
