"""Entries in a menu of napari's that come and go at run time."""

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
    """What an entry is called and does.

    Attributes
    ----------
    id : str
        Of its own among all commands.
    title : str
        As the palette, if anything, shows it.
    run : callable
    group : str
        Groups are sorted by their names, and parted by lines.
    keys : int
        The shortcut, as app-model's ``KeyMod | KeyCode``; none if 0.
    checkable : bool
    in_palette : bool
    """

    id: str
    title: str
    run: Callable[[], None]
    group: str
    keys: int = 0
    checkable: bool = False
    in_palette: bool = False


class Entries:
    """Some entries, in one menu of every window, until they are removed.

    napari's registry of them is one for the process, and so are the Qt actions, whichever window's
    menu they are in. Those are kept for good: they are told what to show and hold nothing of ours.
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
        # at last: the menus look up the shortcuts when they are made
        self._undo.append(self._app.menus.append_menu_items(places))
        owner = QApplication.instance()
        self._actions = {
            # app-model's types know of PyQt6 alone
            name: cast("QAction", QMenuItemAction.create(item, self._app, owner))
            for name, item in items.items()
        }

    def show(self, entry: str, title: str, checked: bool = False) -> None:
        """Show an entry, by its id, with another title or check mark."""
        action = self._actions[entry]
        title = plain_caption(title)
        if action.text() != title:
            action.setText(title)
        if action.isCheckable():
            action.setChecked(checked)

    def add_to(self, window: QMainWindow) -> None:
        """Have the shortcuts work in `window` with its menu bar hidden, too."""
        for action in self._actions.values():
            window.addAction(action)

    @property
    def windows(self) -> list[QMainWindow]:
        """The windows they were added to that are there still: Qt knows, and we hold none."""
        for action in self._actions.values():
            objects = action.associatedObjects()
            return [each for each in objects if isinstance(each, QMainWindow)]
        return []

    def remove(self) -> None:
        """Take the entries away, with their shortcuts."""
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
            _log.warning("%s has no shortcut: %s has it already.", entry.title, owner)
            return
        rule = KeyBindingRule(primary=entry.keys)
        if undo := self._app.keybindings.register_keybinding_rule(entry.id, rule):
            self._undo.append(undo)
