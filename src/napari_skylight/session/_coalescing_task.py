"""Slow work on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from typing import Generic, TypeVar

T = TypeVar("T")


class CoalescingTask(Generic[T]):
    """Runs `work` on a thread called `name`; calls made meanwhile are coalesced into one."""

    def __init__(self, name: str, work: Callable[[], T]) -> None:
        self._name = name
        self._work = work
        self._lock = threading.Lock()
        self._current: Future[T] | None = None
        self._next: Future[T] | None = None

    def ask(self) -> Future[T]:
        """Return the future of work that begins after this call; it cannot be cancelled."""
        with self._lock:
            if self._next is None:
                self._next = Future()
                self._next.set_running_or_notify_cancel()  # others may wait for it
                if self._current is None:
                    threading.Thread(target=self._run, name=self._name, daemon=True).start()
            return self._next

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds` for pending work; return whether it is done."""
        with self._lock:
            pending = [each for each in (self._current, self._next) if each is not None]
        return not wait_for_futures(pending, seconds).not_done

    def _run(self) -> None:
        while True:
            with self._lock:
                current = self._current = self._next
                self._next = None
            if current is None:
                return
            try:
                done = self._work()
            except BaseException as error:  # noqa: BLE001 - the future raises it
                current.set_exception(error)
            else:
                current.set_result(done)
