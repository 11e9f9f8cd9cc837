"""The progress of a run: a thin bar and a count."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QProgressBar

from napari_skylight.session import Progress, Waiting
from napari_skylight.widgets._colours import ThemedWidget, faint, green
from napari_skylight.widgets._display_text import duration, text_label

_STEPS = 1000
_HEIGHT = 6
_STYLE = """
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
        self._bar.setStyleSheet(_STYLE.format(**colours))


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
