"""Work that takes its time, kept off every thread that others wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from typing import Generic, TypeVar

T = TypeVar("T")


class CoalescingTask(Generic[T]):
    """Does `work` when asked, on a thread of its own that ends with it.

    Asked for while it is being done, it is done once more, however often it was asked.

    Parameters
    ----------
    name : str
        Of the thread.
    work : callable
    """

    def __init__(self, name: str, work: Callable[[], T]) -> None:
        self._name = name
        self._work = work
        self._lock = threading.Lock()
        self._asked: list[Future[T]] = []
        self._under_way: list[Future[T]] = []
        self._busy = False

    def ask(self) -> Future[T]:
        """Have it done; the future ends as it does, begun after this call.

        The future cannot be cancelled: others may have asked for the same.
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
        """Wait until what was asked for is done, so long at most; return whether it is."""
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
            except BaseException as error:  # noqa: BLE001 - it is the futures' to tell
                for future in self._under_way:
                    future.set_exception(error)
            else:
                for future in self._under_way:
                    future.set_result(done)
