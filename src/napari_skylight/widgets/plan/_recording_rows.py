"""The present recordings: a row for each file, and the queue and the disk they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_skylight.recording import RecordingState, RecordingStatus
from napari_skylight.widgets._colours import ThemedWidget, amber, faint, green, muted, red
from napari_skylight.widgets._display_text import (
    breakable,
    frames,
    plain_tip,
    size,
    text_label,
)
from napari_skylight.widgets._path_label import PathLabel
from napari_skylight.widgets.plan._status_parts import BAR_STYLE, Dot

Open = Callable[[Path], None]

_OPEN = "Show the file as layers"
_OPEN_NOW = "Show the frames written so far as layers"
_STEPS = 100
_HEIGHT = 6
_QUEUE = "Frames that wait to be written: {} of {}. When the queue is full, {}."
_HELD = "a triggered camera waits, and the recording of one that streams ends"


class RecordingRow(ThemedWidget):
    """The frames and the file of one recording; why it ended by itself."""

    def __init__(self, open_file: Open | None) -> None:
        super().__init__()
        self._dot = Dot()
        self._words = text_label(name="recording", wrap=True)
        self._problem = text_label(name="recording_problem", wrap=True)
        self._path = PathLabel("path")
        self._open = QPushButton("Open")
        self._open.setObjectName("open_file")
        self._open.setAutoDefault(True)
        self._open.clicked.connect(self._on_open_clicked)
        self._status = RecordingStatus("")
        self._open_file = open_file
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self._dot)
        top.addWidget(self._words, 1)
        top.addWidget(self._open)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addWidget(self._problem)
        layout.addWidget(self._path)

    def show_status(self, status: RecordingStatus) -> None:
        """Show how far a recording is."""
        self._status = status
        recording = status.state is RecordingState.RECORDING
        self._dot.colour = red if recording or status.problem else muted
        self._dot.update()
        self._words.setText(_words_of(status))
        self._words.setToolTip(plain_tip(f"{size(status.nbytes)} before compression"))
        self._problem.setText(breakable(status.problem))
        self._problem.setVisible(bool(status.problem))
        self._path.show_path(status.path)
        self._path.setVisible(status.path is not None)
        self._open.setVisible(self._open_file is not None and status.path is not None)
        self._open.setToolTip(_OPEN if status.state is RecordingState.ENDED else _OPEN_NOW)

    def _on_open_clicked(self) -> None:
        if self._open_file is not None and self._status.path is not None:
            self._open_file(self._status.path)

    def _apply_theme(self) -> None:
        self._problem.setStyleSheet(f"color: {red(self).name()};")


class QueueRow(ThemedWidget):
    """How full the queue is, and how long the disk lasts."""

    def __init__(self) -> None:
        super().__init__()
        self._fraction = 0.0
        self._bar = QProgressBar()
        self._bar.setObjectName("queue")
        self._bar.setAccessibleName("Queue of frames to be written")
        self._bar.setRange(0, _STEPS)
        self._bar.setTextVisible(False)
        self._bar.setFixedSize(80, _HEIGHT)
        self._left = text_label(name="disk_left")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(text_label("Queue"))
        layout.addWidget(self._bar)
        layout.addStretch(1)
        layout.addWidget(self._left)

    def show_statuses(self, recordings: Sequence[RecordingStatus]) -> None:
        """Show the queue and the disk of `recordings`, which share both."""
        active = [each for each in recordings if each.state is not RecordingState.ENDED]
        self.setVisible(bool(active))
        if not active:
            return
        fullest = max(active, key=_filled)  # of processed frames there is another queue
        used, room = fullest.queued_bytes, fullest.queue_bytes
        self._fraction = min(1.0, _filled(fullest))
        self._bar.setValue(round(_STEPS * self._fraction))
        self.setToolTip(plain_tip(_QUEUE.format(size(used), size(room), _HELD)))
        self._left.setText(left_on_disk(active))
        self._apply_theme()

    def _apply_theme(self) -> None:
        front = amber(self) if self._fraction > 0.5 else green(self)
        style = BAR_STYLE.format(back=faint(self).name(), front=front.name())
        if style != self._bar.styleSheet():
            self._bar.setStyleSheet(style)


class RecordingRows(QWidget):
    """A row for each of the recordings that were started together last."""

    def __init__(self, open_file: Open | None) -> None:
        super().__init__()
        self._open_file = open_file
        self._rows: list[RecordingRow] = []
        self._queue = QueueRow()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._layout.addWidget(self._queue)
        self.show_statuses(())

    def show_statuses(self, recordings: Sequence[RecordingStatus]) -> None:
        """Show `recordings`."""
        while len(self._rows) < len(recordings):
            row = RecordingRow(self._open_file)
            self._layout.insertWidget(len(self._rows), row)
            self._rows.append(row)
        for place, row in enumerate(self._rows):
            row.setVisible(place < len(recordings))
        for row, status in zip(self._rows, recordings, strict=False):
            row.show_status(status)
        self._queue.show_statuses(recordings)
        self.setVisible(bool(recordings))


def _filled(status: RecordingStatus) -> float:
    return status.queued_bytes / status.queue_bytes if status.queue_bytes else 0.0


def _words_of(status: RecordingStatus) -> str:
    name = " ".join(filter(None, (status.camera, status.channel)))
    counted = frames(status.frames)
    if status.wanted is not None:
        counted = f"{status.frames:,} of {frames(status.wanted)}"
    words = f"{name}: {counted}, {size(status.nbytes)}"
    if status.state is RecordingState.WRITING:
        words += f", {status.queued:,} more to write"
    elif status.state is RecordingState.ENDED and not status.problem:
        words += ", done"
    return words + (f", {status.lost:,} lost" if status.lost else "")


def left_on_disk(recordings: Sequence[RecordingStatus]) -> str:
    """Return how long the disk lasts if `recordings` go on, which are on one disk."""
    free = [each.free_bytes for each in recordings if each.free_bytes is not None]
    rate = sum(each.nbytes / each.seconds for each in recordings if each.seconds > 0)
    return f"{lasting(min(free) / rate)} left on the disk" if free and rate else ""


def lasting(seconds: float) -> str:
    """Return a rough time: "50 s", "12 min", "3 h", "more than 1 day"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 86400 else "more than 1 day"
