"""Parts of the status of a run: progress, a coloured dot, rates."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QSizePolicy, QWidget

from napari_skylight.session import Progress, Waiting
from napari_skylight.widgets._colours import ThemedWidget, faint, green, muted
from napari_skylight.widgets._display_text import duration, text_label

_RATE_SECONDS = 2.0
_STEPS = 1000
_HEIGHT = 6
BAR_STYLE = """
QProgressBar {{ border: none; border-radius: 3px; background: {back}; }}
QProgressBar::chunk {{ border-radius: 3px; background: {front}; }}
"""


class ProgressRow(ThemedWidget):
    """Visible while a run reports its progress."""

    def __init__(self) -> None:
        super().__init__()
        self._bar = QProgressBar()
        self._bar.setObjectName("bar")
        self._bar.setRange(0, _STEPS)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(_HEIGHT)
        self._text = text_label(name="progress")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._bar, 1)
        layout.addWidget(self._text)
        self.hide()

    def show_progress(self, progress: Progress | None) -> None:
        """Show the progress of a run; None if there is none."""
        fraction = None if progress is None else progress.fraction
        if progress is None:
            self.hide()
        elif fraction is not None:
            self._bar.setValue(round(_STEPS * fraction))
            self._text.setText(_words(progress))
            self._bar.setAccessibleDescription(self._text.text())
            self.show()

    def _apply_theme(self) -> None:
        colours = {"back": faint(self).name(), "front": green(self).name()}
        self._bar.setStyleSheet(BAR_STYLE.format(**colours))


def place(waiting: Waiting) -> str:
    """Return the position of a device, "3.2 of 10 mm"; empty if it does not report it."""
    if waiting.current is None or waiting.target is None:
        return ""
    return f"{waiting.current:.4g} of {waiting.target:.4g} {waiting.unit}".rstrip()


def _words(progress: Progress) -> str:
    if progress.total is not None:
        words, left = f"{progress.done} of {progress.total}", progress.seconds_left
    else:
        # the device furthest behind, which the bar shows
        last = next(each for each in progress.waiting if each.fraction == progress.fraction)
        words = place(last) or f"{progress.fraction:.0%}".replace("%", " %")
        left = None if last.seconds_left is None else round(last.seconds_left)
    return words if left is None else f"{words}, {duration(left)} left"


class Dot(QWidget):
    """A round light."""

    def __init__(self) -> None:
        super().__init__()
        self.colour: Callable[[QWidget], QColor] = muted
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(10, 10)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.colour(self))
        painter.drawEllipse(self.rect())


class Rate:
    """The rate at which a count grows, over the last two seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def reset(self) -> None:
        """Start again."""
        self._seen.clear()

    def update(self, count: int, now: float | None = None) -> float:
        """Add a count and return its growth per second."""
        now = time.monotonic() if now is None else now
        self._seen.append((now, count))
        while now - self._seen[0][0] > _RATE_SECONDS:
            self._seen.popleft()
        then, before = self._seen[0]
        return (count - before) / (now - then) if now > then else 0.0
