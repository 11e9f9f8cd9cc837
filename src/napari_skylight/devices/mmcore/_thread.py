"""The threads that call the core (it may be called from several), and the results of jobs."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from napari_skylight.devices.streaming._frames import DescribedStatus
from napari_skylight.engine import Status

T = TypeVar("T")

PATIENCE_SECONDS = 10.0
"""How long a job may take, beyond the thread's longest job."""

POLL_SECONDS = 0.01
"""How often a moving device is polled for arrival."""

IDLE_SECONDS = 30.0

CLOSED = "The Micro-Manager microscope is closed: open it again."


class Answer(Generic[T]):
    """The result of a job, to be awaited on any event loop; the job is done in any case."""

    def __init__(self, future: Future[T], seconds: float) -> None:
        self._future = future
        self._seconds = seconds

    def __await__(self) -> Generator[Any, None, T]:
        return self._arrive().__await__()

    async def _arrive(self) -> T:
        # Shielded: a cancelled wait must not cancel the job, such as light off.
        # Not wait_for: before Python 3.12 it may swallow a cancellation, that is, a plan's pause.
        answer = asyncio.shield(asyncio.wrap_future(self._future))
        try:
            async with asyncio.timeout(self._seconds):
                return await answer
        except TimeoutError:
            message = f"Micro-Manager did not answer within {self._seconds:g} s."
            raise TimeoutError(message) from None

    @property
    def error(self) -> BaseException | None:
        """The exception of the job, if it is done and raised one."""
        return self._future.exception(0) if self._future.done() else None


class CoreThread:
    """A thread that does jobs in order."""

    def __init__(self, name: str) -> None:
        self._jobs: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self.longest_job = 0.0  # in s, such as an exposure; other jobs wait for it
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def ask(self, job: Callable[[], T]) -> Answer[T]:
        """Queue `job` and return an answer with its result or exception."""
        future: Future[T] = Future()

        def answer() -> None:
            try:
                future.set_result(job())
            except Exception as error:  # noqa: BLE001 - whatever the driver raises is the answer
                future.set_exception(error)

        if not self.put(answer):
            future.set_exception(RuntimeError(CLOSED))
        return Answer(future, PATIENCE_SECONDS + self.longest_job)

    def run(
        self,
        job: Callable[[], None],
        *,
        what: str,
        seconds: float | None = None,
        arrived: Callable[[], bool] = lambda: True,
        then: Callable[[], None] = lambda: None,
        abandon: Callable[[], None] = lambda: None,
    ) -> Status:
        """Queue `job`, poll `arrived` until it is true, and call `then`.

        Between two polls the thread does other jobs. A job that times out before its turn is
        skipped; later, `abandon` is called. The status fails with the exception of the job, or
        after `seconds` (`PATIENCE_SECONDS` if None) beyond the longest job.
        """
        if seconds is None:
            seconds = PATIENCE_SECONDS
        status = DescribedStatus(what, seconds + self.longest_job)

        def start() -> None:
            if not status.done:
                job()
                look()

        def look() -> None:
            if status.done:
                abandon()
            elif arrived():
                then()
                status.set_finished()
            elif not self.put(guarded(look), POLL_SECONDS):
                raise RuntimeError(CLOSED)

        def guarded(step: Callable[[], None]) -> Callable[[], None]:
            def attempt() -> None:
                try:
                    step()
                except Exception as error:  # noqa: BLE001 - whatever a driver raises is the status's
                    status.set_exception(error)

            return attempt

        if not self.put(guarded(start)):
            status.set_exception(RuntimeError(CLOSED))
        return status

    def close(self) -> None:
        """Take no more jobs, and end the thread after the queued ones."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def join(self, seconds: float) -> bool:
        """Wait for the thread; return whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def put(self, job: Callable[[], None], delay: float = 0.0) -> bool:
        """Queue `job`, which must not raise, in `delay` s; return False if the thread is closed."""
        with self._changed:
            if self._closed:
                return False
            heapq.heappush(self._jobs, (time.monotonic() + delay, next(self._numbers), job))
            self._changed.notify()
        return True

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job()
            del job  # release its objects before the next wait

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while True:
                wait = self._jobs[0][0] - time.monotonic() if self._jobs else IDLE_SECONDS
                if self._jobs and (wait <= 0 or self._closed):
                    return heapq.heappop(self._jobs)[2]
                if self._closed:
                    return None
                self._changed.wait(wait)
