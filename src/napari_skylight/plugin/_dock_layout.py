"""The arrangement of the plugin's docks in a window, kept between starts.

*Plan control* gets the height it needs; the other docks open below it, as tabs. Docks that the user
has arranged open where they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from qtpy.QtCore import QEvent, QObject, QRect, Qt, QTimer
from qtpy.QtGui import QGuiApplication, QResizeEvent
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_skylight.plugin._dock_places import DockPlace, load_places, save_places

FILE = "docks.json"
_SAVE_MS = 500
_LEAST_HEIGHT = 200
"""Pixels left to the docks below *Plan control*."""
_SIDES = (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea)
_HORIZONTAL, _VERTICAL = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
_ARRANGED = (
    *(QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide),
    QEvent.Type.ParentChange,
)


class DockLayout(QObject):
    """Places the plugin's docks in a window, and saves their places.

    Parameters
    ----------
    window : QMainWindow
    folder : Path
        The user's folder.
    """

    def __init__(self, window: QMainWindow, folder: Path) -> None:
        super().__init__(window)
        self._file = folder / FILE
        self._places = load_places(self._file)
        self._main: QWidget | None = None
        self._panels: dict[str, QWidget] = {}
        self._placed: set[str] = set()
        self._shown: list[str] = []
        self._height_is_set = any(each.height_is_set for each in self._places.values())
        self._is_resizing = False
        self._arrange, self._save = QTimer(self), QTimer(self)
        for timer, milliseconds, slot in (
            (self._arrange, 0, self._on_laid_out),  # once the window has laid its docks out
            (self._save, _SAVE_MS, self.save),
        ):
            timer.setSingleShot(True)
            timer.setInterval(milliseconds)
            timer.timeout.connect(slot)
        window.installEventFilter(self)

    @property
    def _window(self) -> QMainWindow:
        return cast(
            "QMainWindow", self.parent()
        )  # not stored: a reference would keep the window alive

    @property
    def open_docks(self) -> list[str]:
        """The docks that were open when the window last closed, those in front last."""
        found = [name for name, place in self._places.items() if place.is_open]
        return sorted(found, key=lambda name: self._places[name].is_in_front)

    def add(self, panel: QWidget, name: str, *, is_main: bool = False) -> None:
        """Place the dock that gets `panel`; the main one has the height it needs."""
        panel.setWindowTitle(name)
        self._panels[name] = panel
        if is_main:
            self._main = panel
        panel.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow the window, the docks and what is in them."""
        kind = event.type()
        if watched is self._window:
            if kind == QEvent.Type.Close:
                self.save()
            elif kind == QEvent.Type.Resize:
                self._arrange.start()
        elif isinstance(watched, QDockWidget):
            if isinstance(event, QResizeEvent) and watched.widget() is self._main:
                self._note_size(event)
            if kind in _ARRANGED:
                self._save.start()
        elif isinstance(watched, QWidget):
            self._follow_panel(watched, event)
        return False

    def _follow_panel(self, panel: QWidget, event: QEvent) -> None:
        dock = panel.parent()
        if event.type() == QEvent.Type.ParentChange:
            if isinstance(dock, QDockWidget):
                dock.setWindowTitle(panel.windowTitle())  # the plugin's name is too long for a tab
                dock.dockLocationChanged.connect(self._on_docked)
            elif self._panels.get(panel.windowTitle()) is panel:  # napari has closed its dock
                del self._panels[panel.windowTitle()]
                self._main = None if self._main is panel else self._main
        elif event.type() == QEvent.Type.Show and not event.spontaneous():
            self._shown.append(panel.windowTitle())
            self._arrange.start()
        elif event.type() == QEvent.Type.LayoutRequest and panel is self._main:
            self._arrange.start()

    def save(self) -> None:
        """Write where the docks are, if that has changed."""
        self._save.stop()
        if not self._window.isVisible() or self._window.isMinimized():
            return
        docks = self._docks()
        places = {
            name: replace(place, is_open=False, is_in_front=False)
            for name, place in self._places.items()
            if name not in docks
        } | {name: self._place_of(dock) for name, dock in docks.items()}
        if places != self._places:
            self._places = places
            save_places(self._file, places)

    # ---- placing -----------------------------------------------------------------------------

    def _docks(self) -> dict[str, QDockWidget]:
        """Return the docks that are open, by name, in the order they were opened."""
        found = ((name, panel.parent()) for name, panel in self._panels.items())
        return {
            name: dock
            for name, dock in found
            if isinstance(dock, QDockWidget) and not (name in self._placed and dock.isHidden())
        }

    def _on_docked(self) -> None:
        """Place a dock that napari has just added: at once, before the window grows for it."""
        dock = self.sender()
        if not isinstance(dock, QDockWidget):
            return
        dock.dockLocationChanged.disconnect(self._on_docked)
        dock.installEventFilter(self)
        name = dock.windowTitle()
        self._placed.discard(name)
        area = self._window.dockWidgetArea(dock)
        others = {
            other: each
            for other, each in self._docks().items()
            if each is not dock
            and not each.isFloating()
            and self._window.dockWidgetArea(each) == area
        }
        known = {other: each for other, each in others.items() if other in self._places}
        beside = [each for each in others.values() if each.widget() is not self._main]
        if name in self._places and known:
            self._place_as_before(self._places[name], dock, known)
        elif area in _SIDES and beside and dock.widget() is self._main:
            self._split(dock, beside[0], _VERTICAL)
        elif area in _SIDES and beside:
            self._window.tabifyDockWidget(beside[-1], dock)

    def _on_laid_out(self) -> None:
        shown, self._shown = self._shown, []
        docks = self._docks()
        for name in shown:
            if name in docks and name not in self._placed:
                self._placed.add(name)
                self._restore_size(name, docks)
            if name in docks:
                docks[name].raise_()
        if shown:
            self._save.start()
        self._fit_main()

    def _restore_size(self, name: str, docks: Mapping[str, QDockWidget]) -> None:
        saved = self._places.get(name)
        if saved is None:
            return
        rect = QRect(*saved.rect)
        if not saved.is_floating:
            known = [each for each in docks if each in self._places]
            heights = [self._places[each].rect[3] for each in known]
            self._resize([docks[name]], [rect.width()], _HORIZONTAL)
            self._resize([docks[each] for each in known], heights, _VERTICAL)
        elif QGuiApplication.screenAt(rect.center()) is not None:
            docks[name].setFloating(True)
            docks[name].setGeometry(rect)

    def _place_as_before(
        self, saved: DockPlace, dock: QDockWidget, others: Mapping[str, QDockWidget]
    ) -> None:
        """Put `dock` where it was in relation to the nearest of `others`."""
        tabs = [each for name, each in others.items() if name in saved.tabs]
        if tabs:
            self._window.tabifyDockWidget(tabs[-1], dock)
            return
        here = QRect(*saved.rect).center()
        there = {name: QRect(*self._places[name].rect).center() for name in others}
        nearest = min(others, key=lambda name: (here - there[name]).manhattanLength())
        way = here - there[nearest]
        orientation = _VERTICAL if abs(way.y()) >= abs(way.x()) else _HORIZONTAL
        is_after = (way.y() if orientation == _VERTICAL else way.x()) > 0
        first, second = (others[nearest], dock) if is_after else (dock, others[nearest])
        self._split(first, second, orientation)

    def _split(self, first: QDockWidget, second: QDockWidget, orientation: Qt.Orientation) -> None:
        """Put `second`, with its tabs, below or to the right of `first`."""
        if self._window.tabifiedDockWidgets(first):
            return  # Qt would add a tab
        group = [second, *self._window.tabifiedDockWidgets(second)]
        front = next(filter(_is_in_front, group), second)
        self._window.splitDockWidget(first, second, orientation)
        for each in group[1:]:
            self._window.tabifyDockWidget(second, each)
        front.raise_()

    # ---- sizes -------------------------------------------------------------------------------

    def _stacked_with(self, dock: QDockWidget) -> list[QDockWidget]:
        """Return the other docks in the same column at a side of the window."""
        area = self._window.dockWidgetArea(dock)
        return [
            each
            for each in self._window.findChildren(QDockWidget)
            if area in _SIDES
            and self._window.dockWidgetArea(each) == area
            and each.x() == dock.x()
            and each is not dock
            and not each.isFloating()
            and _is_in_front(each)
        ]

    def _fit_main(self) -> None:
        """Give the main dock the height it needs, unless the user has set another."""
        panel = self._main
        dock = None if panel is None else panel.parent()
        if panel is None or not isinstance(dock, QDockWidget) or dock.isFloating():
            return
        others = self._stacked_with(dock)
        if self._height_is_set or not others:
            return
        below = sum(each.height() for each in others)
        needed = panel.sizeHint().height() + dock.height() - panel.height()
        height = min(needed, dock.height() + below - _LEAST_HEIGHT * len(others))
        if height != dock.height():
            share = (dock.height() + below - height) / below  # Qt cuts what does not add up
            heights = [height, *(round(share * each.height()) for each in others)]
            self._resize([dock, *others], heights, _VERTICAL)

    def _resize(self, docks: list[QDockWidget], sizes: list[int], way: Qt.Orientation) -> None:
        self._is_resizing = True
        self._window.resizeDocks(docks, sizes, way)
        self._is_resizing = False

    def _note_size(self, event: QResizeEvent) -> None:
        """Keep the height of the main dock once the user has dragged it."""
        if (
            event.size().height() != event.oldSize().height()
            and not self._is_resizing
            and QGuiApplication.mouseButtons() & Qt.MouseButton.LeftButton
        ):
            self._height_is_set = True

    def _place_of(self, dock: QDockWidget) -> DockPlace:
        tabs = self._window.tabifiedDockWidgets(dock)
        # Qt has a dock behind another tab somewhere outside the window.
        front = next(filter(_is_in_front, [dock, *tabs]), dock)
        return DockPlace(
            rect=[front.x(), front.y(), front.width(), front.height()],
            tabs=[each.windowTitle() for each in tabs],
            is_floating=dock.isFloating(),
            is_in_front=front is dock,
            height_is_set=self._height_is_set and dock.widget() is self._main,
        )


def _is_in_front(dock: QDockWidget) -> bool:
    return not dock.visibleRegion().isEmpty()
