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
        self._asked: list[Future[T]] = []
        self._under_way: list[Future[T]] = []
        self._busy = False

    def ask(self) -> Future[T]:
        """Run `work`, and return its future.

        The work begins after this call. The future cannot be cancelled: others may wait for it.
        """
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            self._asked.append(future)
            if not self._busy:
                self._busy = True
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
        return future

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds` for pending work; return whether it is done."""
        with self._lock:
            pending = [*self._under_way, *self._asked]
        return not wait_for_futures(pending, seconds).not_done

    def _run(self) -> None:
        while True:
            with self._lock:
                self._under_way, self._asked = self._asked, []
                if not self._under_way:
                    self._busy = False
                    return
            try:
                done = self._work()
            except BaseException as error:  # noqa: BLE001 - the futures raise it
                for future in self._under_way:
                    future.set_exception(error)
            else:
                for future in self._under_way:
                    future.set_result(done)
