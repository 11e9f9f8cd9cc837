"""The way from any thread to the GUI thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from qtpy.QtCore import QObject, Qt, Signal, Slot

__all__ = ["gui_thread"]


class _GuiThread(QObject):
    """Calls functions on the thread it was made on.

    A Qt object of its own for each call, as superqt's `ensure_main_thread` makes them, ends the
    process with PySide6: now and then it is the calling thread that lets go of it last.
    """

    _called = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._ident = threading.get_ident()
        self._waiting: deque[Callable[[], None]] = deque()
        self._called.connect(self._on_called, Qt.ConnectionType.QueuedConnection)

    def is_current(self) -> bool:
        """Return whether the caller is on the GUI thread."""
        return threading.get_ident() == self._ident

    def call(self, function: Callable[[], None]) -> None:
        """Have `function` called soon, after what was asked for before; from any thread."""
        self._waiting.append(function)
        self._called.emit()

    @Slot()
    def _on_called(self) -> None:
        self._waiting.popleft()()


_made: list[_GuiThread] = []


def gui_thread() -> _GuiThread:
    """Return the one way there is; to be made on the GUI thread, and never to be deleted."""
    if not _made:
        _made.append(_GuiThread())
    return _made[0]
