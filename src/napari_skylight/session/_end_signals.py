"""Closes the open sessions when the system ends the program."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Protocol
from weakref import WeakSet

# sent at shutdown, or when a terminal closes; Ctrl-C raises KeyboardInterrupt
SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
CLOSE_SECONDS = 4.0


class _Session(Protocol):
    def close(self) -> None: ...


_open: WeakSet[_Session] = WeakSet()
_process = 0


def close_on_signals(session: _Session) -> None:
    """Close `session` when a signal ends the program; only a default handler is replaced.

    Only a session that is made in the main thread is closed so, because Python sets handlers there.
    """
    global _process
    if threading.current_thread() is threading.main_thread():
        _open.add(session)
        _process = os.getpid()
        for number in SIGNALS:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _end)


def forget(session: _Session) -> None:
    """Undo `close_on_signals`; the last session restores the default handlers."""
    _open.discard(session)
    if not _open and threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) is _end:
                signal.signal(number, signal.SIG_DFL)


def _end(number: int, _frame: object) -> None:
    """Close the sessions; then let the signal end the program as by default."""
    signal.signal(number, signal.SIG_DFL)  # a second signal ends it at once
    if os.getpid() == _process:  # a fork has no hardware
        # on threads: the main thread may hold a lock here
        closing = [
            threading.Thread(target=each.close, name="skylight-close-session", daemon=True)
            for each in tuple(_open)
        ]
        for thread in closing:
            thread.start()
        end = time.monotonic() + CLOSE_SECONDS
        for thread in closing:
            thread.join(max(0.0, end - time.monotonic()))
    signal.raise_signal(number)
