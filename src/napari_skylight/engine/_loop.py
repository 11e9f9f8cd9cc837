"""The engine's event loop, its thread, and the end of both when the interpreter exits."""

from __future__ import annotations

import asyncio
import atexit
import threading
import time
from typing import Protocol
from weakref import WeakSet

from bluesky.run_engine import (
    _ensure_event_loop_running,
    get_bluesky_event_loop,
    set_bluesky_event_loop,
)

_SOON = 5.0  # seconds for a thread to start, or a cancelled task to end


class EngineLoop:
    """An event loop that runs in a thread until it is stopped; by default, one of its own.

    Only its own loop is closed at the end, and only a loop that was not running is stopped. It
    holds no reference to the engine, so that an unused engine is collected and its thread ends.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._own = loop is None
        self._before = get_bluesky_event_loop()
        self.loop = asyncio.new_event_loop() if loop is None else loop
        self._thread: threading.Thread | None = None
        self._is_stopped = False
        if not self.loop.is_running():
            self._start()
        elif self.loop is _running_loop():
            raise RuntimeError(
                "An engine cannot be made in the thread of the loop that it runs on. "
                "Make it in another thread, or leave out `loop`."
            )
        # where bluesky looks for the thread
        threads = _ensure_event_loop_running.loop_to_thread  # type: ignore[attr-defined]
        if self.loop not in threads:
            threads[self.loop] = self._thread or self._ask_thread()

    def _start(self) -> None:
        started = threading.Event()
        self.loop.call_soon(started.set)
        self._thread = threading.Thread(target=self._run, name="skylight-engine-loop", daemon=True)
        self._thread.start()
        if not started.wait(_SOON):
            raise RuntimeError("The engine's event loop did not start.")

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            while True:
                try:
                    self.loop.run_forever()
                    break
                except (KeyboardInterrupt, SystemExit):
                    continue  # raised by a plan, not meant for the engine
        finally:
            if self._own:
                self._end_tasks()
                self.loop.close()

    def _end_tasks(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.wait(tasks, timeout=_SOON))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())

    def _ask_thread(self) -> threading.Thread:
        async def ask() -> threading.Thread:
            return threading.current_thread()

        return asyncio.run_coroutine_threadsafe(ask(), self.loop).result(_SOON)

    def in_thread(self) -> bool:
        return _running_loop() is self.loop

    def stop(self) -> None:
        """Ask the thread to end, unless the loop was running before; return at once."""
        # only once: another engine may use the caller's loop by the time this one is collected
        if self._thread is None or self._is_stopped:
            return
        self._is_stopped = True
        if get_bluesky_event_loop() is self.loop:
            # ophyd-async connects devices there: restore the loop of the other engine
            running = self._before is not None and self._before.is_running()
            set_bluesky_event_loop(self._before if running else None)
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)

    def join(self, timeout: float) -> bool:
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


_EXIT_TIMEOUT = 1.5  # seconds for all engines together


class _Engine(Protocol):
    def stop(self) -> object: ...
    def _close(self, timeout: float, thread_timeout: float) -> None: ...


class _Writer(Protocol):
    def close(self, timeout: float) -> None: ...


close_at_exit: WeakSet[_Engine] = WeakSet()
write_at_exit: WeakSet[_Writer] = WeakSet()
"""Writers of documents; they are closed after the engines."""


def _close_all() -> None:
    """Give running plans a moment to clean up."""
    end = time.monotonic() + _EXIT_TIMEOUT
    engines = list(close_at_exit)
    for engine in engines:
        engine.stop()
    for engine in engines:
        engine._close(max(0.1, end - time.monotonic()), thread_timeout=0.1)
    for writer in list(write_at_exit):
        writer.close(max(0.5, end - time.monotonic()))


atexit.register(_close_all)
