"""Signals of the session, delivered to a widget on the GUI thread until it is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod

from psygnal import SignalInstance
from qtpy.QtCore import QObject

from napari_skylight.widgets._gui_thread import gui_thread

__all__ = ["Links"]


class Links:
    """The connections of one widget; cut when it is destroyed, or before.

    The widget is not kept alive by them. What is on its way when they are cut is not delivered.
    """

    def __init__(self, owner: QObject) -> None:
        self._links: list[tuple[SignalInstance, _Link]] = []
        self._is_cut = False
        owner.destroyed.connect(self.cut)

    def connect(self, signal: SignalInstance, slot: Callable[[], None]) -> None:
        """Call `slot`, a method of the widget, after emissions of `signal`.

        The slot is given nothing: by the time it runs the truth may be another, and it has to look.
        Emissions on another thread that come quicker than that are one call.
        """
        if self._is_cut:
            return
        link = _Link(slot)
        signal.connect(link.emitted)
        self._links.append((signal, link))

    def cut(self) -> None:
        """Cut every connection, for good."""
        self._is_cut = True
        self.clear()

    def clear(self) -> None:
        """Cut the connections made so far."""
        for signal, link in self._links:
            link.is_cut = True
            signal.disconnect(link.emitted, missing_ok=True)
        self._links.clear()


class _Link:
    """One signal to one slot."""

    def __init__(self, slot: Callable[[], None]) -> None:
        self._slot: WeakMethod[Callable[[], None]] = WeakMethod(slot)
        self._gui_thread = gui_thread()
        self._on_its_way = False
        self.is_cut = False

    def emitted(self, *_: Any) -> None:
        """Deliver, at once on the GUI thread."""
        if self._gui_thread.is_current():
            self._deliver()
        elif not self._on_its_way:
            self._on_its_way = True
            self._gui_thread.call(self._deliver)

    def _deliver(self) -> None:
        self._on_its_way = False  # before the slot looks: what changes from now on is news
        slot = None if self.is_cut else self._slot()
        if slot is not None:
            slot()
