"""Signals of the session, delivered to a widget on the GUI thread until it is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod

from psygnal import SignalInstance
from qtpy.QtCore import QObject
from superqt.utils import ensure_main_thread

__all__ = ["Links"]


class Links:
    """The connections of one widget; cut when it is destroyed, or before.

    The widget is not kept alive by them. What is on its way when they are cut is not delivered.
    """

    def __init__(self, owner: QObject) -> None:
        self._connections: list[tuple[SignalInstance, Callable[..., Any]]] = []
        self._cut = False
        owner.destroyed.connect(self.cut)

    def connect(self, signal: SignalInstance, slot: Callable[[], None]) -> None:
        """Call `slot`, a method of the widget, after each emission of `signal`.

        The slot is given nothing: by the time it runs the truth may be another, and it has to look.
        """
        method = WeakMethod(slot)

        @ensure_main_thread
        def deliver() -> None:
            alive = None if self._cut else method()
            if alive is not None:
                alive()

        signal.connect(deliver)
        self._connections.append((signal, deliver))

    def cut(self) -> None:
        """Cut every connection, for good."""
        self._cut = True
        self.clear()

    def clear(self) -> None:
        """Cut the connections made so far."""
        for signal, deliver in self._connections:
            signal.disconnect(deliver, missing_ok=True)
        self._connections.clear()
