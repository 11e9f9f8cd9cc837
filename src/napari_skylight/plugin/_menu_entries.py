"""Entries that are added to a napari menu, and removed, at run time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

from app_model.backends.qt import QMenuItemAction
from app_model.types import (
    CommandRule,
    KeyBinding,
    KeyBindingRule,
    MenuItem,
    SubmenuItem,
    ToggleRule,
)
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QApplication, QMainWindow

from napari_skylight._compat import app_model
from napari_skylight.widgets import plain_caption

_log = logging.getLogger("napari_skylight")


@dataclass(frozen=True)
class Entry:
    """A menu entry; its `id` is unique among all commands."""

    id: str
    title: str
    run: Callable[[], None]
    group: str  # sorted by name, and separated by lines
    keys: int = 0  # app-model's KeyMod | KeyCode
    checkable: bool = False
    in_palette: bool = False


class Entries:
    """Entries in one menu of all windows, until they are removed.

    napari has one registry for the process, and the windows share the Qt actions. The actions are
    never deleted; they refer to nothing of the plugin.
    """

    def __init__(self, menu: str, entries: Iterable[Entry], *submenus: SubmenuItem) -> None:
        self._app = app_model()
        items: dict[str, MenuItem] = {}
        self._undo: list[Callable[[], None]] = []
        palette = self._app.menus.COMMAND_PALETTE_ID
        places: list[tuple[str, MenuItem | SubmenuItem]] = [(menu, item) for item in submenus]
        for order, entry in enumerate(entries):
            toggled = ToggleRule() if entry.checkable else None
            rule = CommandRule(id=entry.id, title=entry.title, toggled=toggled)
            item = MenuItem(command=rule, group=entry.group, order=order)
            items[entry.id] = item
            places += [(menu, item)]
            places += [(palette, MenuItem(command=rule))] if entry.in_palette else []
            commands = self._app.commands
            self._undo.append(commands.register_command(entry.id, entry.run, entry.title))
            self._bind(entry)
        # last: menus look up the shortcuts when they are built
        self._undo.append(self._app.menus.append_menu_items(places))
        owner = QApplication.instance()
        self._actions = {
            # app-model is typed for PyQt6 only
            name: cast("QAction", QMenuItemAction.create(item, self._app, owner))
            for name, item in items.items()
        }

    def show(self, entry: str, title: str, checked: bool = False) -> None:
        """Set the title and check mark of an entry, by its id."""
        action = self._actions[entry]
        title = plain_caption(title)
        if action.text() != title:
            action.setText(title)
        if action.isCheckable():
            action.setChecked(checked)

    def add_to(self, window: QMainWindow) -> None:
        """Make the shortcuts work in `window`, also with its menu bar hidden."""
        for action in self._actions.values():
            window.addAction(action)

    @property
    def windows(self) -> list[QMainWindow]:
        """The open windows they were added to, from Qt: no reference is kept."""
        for action in self._actions.values():
            objects = action.associatedObjects()
            return [each for each in objects if isinstance(each, QMainWindow)]
        return []

    def remove(self) -> None:
        """Remove the entries and their shortcuts."""
        for window in self.windows:
            for action in self._actions.values():
                window.removeAction(action)
        while self._undo:
            self._undo.pop()()

    def _bind(self, entry: Entry) -> None:
        if not entry.keys:
            return
        taken = {binding.keybinding: binding.command_id for binding in self._app.keybindings}
        if owner := taken.get(KeyBinding.from_int(entry.keys)):
            _log.warning("%s has no shortcut: %s already has it.", entry.title, owner)
            return
        rule = KeyBindingRule(primary=entry.keys)
        if undo := self._app.keybindings.register_keybinding_rule(entry.id, rule):
            self._undo.append(undo)
