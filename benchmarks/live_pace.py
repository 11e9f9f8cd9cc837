"""Frames on screen and time left for the user, beside a 16 ms timer that sets the layer's data."""

from __future__ import annotations

import threading
from collections import deque
from statistics import median
from time import perf_counter
from typing import Any

from benchmark_table import Figures
from live_rows import ROWS, percentile, row
from live_screen import OurWay, Producer, Screen, TimerWay, some_frames, spin
from qtpy.QtCore import QCoreApplication, QEvent, QObject, QPointF, Qt
from qtpy.QtGui import QMouseEvent

__all__ = ["ROWS"]


class FastTimerWay(TimerWay):
    """The timer way at 16 ms."""

    period_ms = 16


WAYS = {"timer16": FastTimerWay, "ours": OurWay}


class Mouse(QObject):
    """Moves the mouse over the canvas 60 times a second; notes when each move arrives."""

    def __init__(self, canvas: Any) -> None:
        super().__init__()
        self.delays: list[float] = []  # s
        self._canvas = canvas
        self._posted: deque[float] = deque()
        self._stopped = threading.Event()
        canvas.installEventFilter(self)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        number, due = 0, perf_counter()
        none = Qt.MouseButton.NoButton
        while not self._stopped.wait(max(0.0, due - perf_counter())):
            at = QPointF(200 + 2 * (number % 100), 200 + number % 50)
            move = QMouseEvent(
                QEvent.Type.MouseMove, at, at, none, none, Qt.KeyboardModifier.NoModifier
            )
            self._posted.append(perf_counter())
            QCoreApplication.postEvent(self._canvas, move)
            number += 1
            due += 1 / 60

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.MouseMove and self._posted:
            self.delays.append(perf_counter() - self._posted.popleft())
        return False

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        spin(0.1)
        self._canvas.removeEventFilter(self)


def show_in_turns(screen: Screen, size: int, repeats: int, seconds: float) -> Figures:
    """Return frames painted a second and the GUI gap p95, ms, of both ways; 500 frames/s."""
    frames = some_frames(size)
    seen: dict[str, list[Any]] = {name: [] for name in WAYS}
    for _ in range(repeats):
        for name, way in WAYS.items():
            seen[name].append(screen.show(way, frames, 500, seconds))
    figures: Figures = {"renderer": screen.renderer}
    for name, each in seen.items():
        figures[f"painted_{size}_{name}"] = median(one.paints / one.seconds for one in each)
        figures[f"painted_gap_{size}_{name}"] = 1e3 * median(one.gap(95) for one in each)
        figures[f"painted_cpu_{size}_{name}"] = 1e3 * median(
            one.cpu / max(one.paints, 1) for one in each
        )
    return figures


def add_painted_row(size: int) -> None:
    def measure(quick: bool) -> Figures:
        with Screen() as screen:
            return show_in_turns(screen, size, *((3, 3) if quick else (5, 6)))

    measure.__name__ = f"painted_{size}"
    row(measure)


for size in (512, 1024, 2048):
    add_painted_row(size)


@row
def mouse(quick: bool) -> Figures:
    """Delay of mouse moves, p95, ms, while 1024² frames come at 500 Hz; frames painted a second."""
    repeats, seconds = (3, 3) if quick else (5, 6)
    frames = some_frames(1024)
    delays: dict[str, list[float]] = {name: [] for name in WAYS}
    idle: dict[str, list[float]] = {name: [] for name in WAYS}
    moving: dict[str, list[float]] = {name: [] for name in WAYS}
    with Screen() as screen:
        for _ in range(repeats):
            for name, way_type in WAYS.items():
                way = way_type(screen.viewer)
                producer = Producer(way, frames, 500)
                spin(1)
                idle[name].append(screen.watch(way, seconds).paints / seconds)
                hand = Mouse(screen.canvas)
                moving[name].append(screen.watch(way, seconds).paints / seconds)
                hand.stop()
                delays[name].append(1e3 * percentile(hand.delays, 95))
                producer.stop()
                way.close()
                screen.empty()
    figures: Figures = {}
    for name in WAYS:
        figures[f"mouse_delay_{name}"] = median(delays[name])
        figures[f"mouse_idle_{name}"] = median(idle[name])
        figures[f"mouse_moving_{name}"] = median(moving[name])
    return figures
