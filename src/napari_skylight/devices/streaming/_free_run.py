"""A thread that takes frames continuously."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Lock, Thread

from napari_skylight.devices.streaming._frames import FrameStream

LATE_SECONDS = 0.2
"""How far the thread may fall behind and still catch up."""

END_SECONDS = 10.0
"""How long a run waits for the last frame of the previous run."""


class _Run:
    """From one start to the next stop."""

    def __init__(self) -> None:
        self.stop = Event()
        self.ended: Future[None] = Future()


class FreeRun:
    """Takes frames continuously on its own thread.

    Each method may be called on any thread and does not block.

    Parameters
    ----------
    stream : FrameStream
        Where the frames go.
    expose : callable
        Called on the thread to begin a frame. Returns its duration in seconds, and a function that
        then makes the frame in the stream's slot and commits it; that is not called if the camera
        is stopped meanwhile. An exception from either ends the stream.
    thread_name : str
        Such as ``skylight-sim-camera-stream``.
    """

    def __init__(
        self,
        stream: FrameStream,
        expose: Callable[[], tuple[float, Callable[[], None]]],
        *,
        thread_name: str,
    ) -> None:
        self._stream = stream
        self._expose = expose
        self._thread_name = thread_name
        self._lock = Lock()
        self._wanted = self._paused = False
        self._before = 0
        self._run = _Run()  # the current or last one
        self._run.ended.set_result(None)

    @property
    def on(self) -> bool:
        """Whether it was started and not stopped, paused or not."""
        return self._wanted

    def start(self) -> int:
        """Start; return the number of the last frame before the start."""
        with self._lock:
            if not self._wanted:
                self._wanted = True
                self._before = self._stream.begin()
                self._go()
            return self._before

    def stop(self) -> Future[None]:
        """Stop; the future ends with the last frame."""
        with self._lock:
            self._wanted = False
            return self._halt()

    def pause(self) -> Future[None]:
        """Hold until `resume`, also if not started yet; the future ends when the thread is idle.

        The frame being exposed is discarded.
        """
        with self._lock:
            self._paused = True
            return self._halt()

    def resume(self) -> None:
        """Continue, if started."""
        with self._lock:
            self._paused = False
            if self._wanted and self._run.stop.is_set():
                self._go()

    def reset(self) -> Future[None]:
        """Stop, clear a pause, and release the frames: before and after a plan."""
        with self._lock:
            self._wanted = self._paused = False
            ended = self._halt()
        ended.add_done_callback(lambda _: self._stream.clear())
        return ended

    def _go(self) -> None:
        if self._paused:
            return
        before, self._run = self._run, _Run()
        Thread(
            target=self._work, args=(self._run, before.ended), name=self._thread_name, daemon=True
        ).start()

    def _halt(self) -> Future[None]:
        self._run.stop.set()
        self._stream.release()
        return self._run.ended

    def _work(self, run: _Run, before: Future[None]) -> None:
        try:
            before.result(END_SECONDS)
            due = time.monotonic()
            while not run.stop.is_set():
                seconds, finish = self._expose()
                now = time.monotonic()
                due = max(due + seconds, now - LATE_SECONDS)
                if run.stop.wait(max(0.0, due - now)):
                    break
                finish()
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, drain raises
            self._stream.fail(error)
        except BaseException as error:  # noqa: BLE001 - drain reports an exit or a cancellation too
            self._stream.fail(RuntimeError(f"It stopped making frames: {type(error).__name__}."))
        finally:
            run.ended.set_result(None)
