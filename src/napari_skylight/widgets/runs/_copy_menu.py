"""What can be copied of a run."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtGui import QAction, QGuiApplication
from qtpy.QtWidgets import QMenu, QWidget

from napari_skylight.session import RunRecord

__all__ = ["copy_menu"]


def copy_menu(parent: QWidget, record: Callable[[], RunRecord | None]) -> QMenu:
    """Return a menu that copies something of the run that `record` returns."""
    menu = QMenu(parent)
    menu.setToolTipsVisible(True)
    uid = _add(menu, record, "Unique id", "copy-uid", lambda run: "\n".join(run.run.uids))
    _add(menu, record, "Parameters", "copy-parameters", _parameters)
    _add(menu, record, "Python call", "copy-python", lambda run: run.python)

    def look() -> None:
        chosen = record()
        has_uid = chosen is not None and bool(chosen.run.uids)
        uid.setEnabled(has_uid)
        uid.setToolTip("" if has_uid else "The plan opened no Bluesky run, which would have one.")

    menu.aboutToShow.connect(look)
    return menu


def _add(
    menu: QMenu,
    record: Callable[[], RunRecord | None],
    title: str,
    name: str,
    words: Callable[[RunRecord], str],
) -> QAction:
    def copy() -> None:
        chosen = record()
        if chosen is not None:
            QGuiApplication.clipboard().setText(words(chosen))

    action = QAction(title, menu)
    action.setObjectName(name)
    action.triggered.connect(copy)
    menu.addAction(action)
    return action


def _parameters(record: RunRecord) -> str:
    return "\n".join(f"{name} = {value!r}" for name, value in record.run.values.items())
