"""Calls and signals of any thread, delivered on the GUI thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Any
from weakref import WeakMethod

from psygnal import SignalInstance
from qtpy.QtCore import QObject, Qt, Signal, Slot


class Links:
    """The connections of one widget to psygnal signals; cut when it is destroyed, or before.

    They do not keep the widget alive. Deliveries under way when they are cut are dropped.
    """

    def __init__(self, owner: QObject) -> None:
        self._links: list[tuple[SignalInstance, _Link]] = []
        self._is_cut = False
        owner.destroyed.connect(self.cut)

    def connect(self, signal: SignalInstance, slot: Callable[[], None]) -> None:
        """Call `slot`, a method of the widget, on the GUI thread after emissions of `signal`.

        The slot gets no arguments: it reads the state there is when it runs. Emissions of another
        thread that come faster than the slot runs are coalesced into one call.
        """
        if self._is_cut:
            return
        link = _Link(slot)
        signal.connect(link.emitted)
        self._links.append((signal, link))

    def cut(self) -> None:
        """Cut every connection; `connect` does nothing afterwards."""
        self._is_cut = True
        self.clear()

    def clear(self) -> None:
        for signal, link in self._links:
            link.is_cut = True
            signal.disconnect(link.emitted, missing_ok=True)
        self._links.clear()


class _Link:
    """One signal connected to one slot."""

    def __init__(self, slot: Callable[[], None]) -> None:
        self._slot: WeakMethod[Callable[[], None]] = WeakMethod(slot)
        self._gui_thread = gui_thread()
        self._is_pending = False
        self.is_cut = False

    def emitted(self, *_: Any) -> None:
        """Deliver: at once on the GUI thread, queued on another."""
        if self._gui_thread.is_current():
            self._deliver()
        elif not self._is_pending:
            self._is_pending = True
            self._gui_thread.call(self._deliver)

    def _deliver(self) -> None:
        self._is_pending = False  # before the slot reads: a later change needs another call
        slot = None if self.is_cut else self._slot()
        if slot is not None:
            slot()


class _GuiThread(QObject):
    """Calls functions on the thread it was made on.

    superqt's `ensure_main_thread` makes a Qt object for each call, which ends the process with
    PySide6 when the calling thread happens to release it last.
    """

    _called = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._ident = threading.get_ident()
        self._waiting: deque[Callable[[], None]] = deque()
        self._called.connect(self._on_called, Qt.ConnectionType.QueuedConnection)

    def is_current(self) -> bool:
        return threading.get_ident() == self._ident

    def call(self, function: Callable[[], None]) -> None:
        """Queue a call of `function`, in order; from any thread."""
        self._waiting.append(function)
        self._called.emit()

    @Slot()
    def _on_called(self) -> None:
        self._waiting.popleft()()


@cache
def gui_thread() -> _GuiThread:
    """Return the process's `_GuiThread`; the first call must be on the GUI thread."""
    return _GuiThread()
