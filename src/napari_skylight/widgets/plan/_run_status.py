"""State, elapsed time, progress, rates and frame counts of a run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_skylight.frames import FrameReader
from napari_skylight.session import RunInfo, Session, SessionState, Tally
from napari_skylight.widgets._colours import amber, green, muted, red
from napari_skylight.widgets._display_text import (
    count_of,
    duration,
    eliding_label,
    frames,
    outcome_summary,
    plain_tip,
    rate,
    size,
    state_text,
    text_label,
)
from napari_skylight.widgets._signal_links import Links
from napari_skylight.widgets.plan._status_parts import Dot, ProgressRow, Rate, place

_REFRESH_MS = 250
_MOST_VALUES = 6
_STILL_COMING = 5.0  # seconds after a frame
_SKIPPED = "Skipped: a newer frame was there before these could be shown."
_DROPPED = "Dropped: lost by the camera, or refused by the stack."
_PATIENCE = 5.0  # seconds a plan may take to stop before abort and halt are pointed out
_STUCK = "\u25be beside Stop: abort or halt"
_BLOCKED = (
    "The plan has not answered yet: it blocks the engine. It answers when its present call "
    "returns. In plans, use bps.sleep, not time.sleep."
)
_WINDING_DOWN = (SessionState.PAUSING, SessionState.STOPPING)
_COLOURS = {
    SessionState.IDLE: muted,
    SessionState.RUNNING: green,
    SessionState.PAUSING: amber,
    SessionState.PAUSED: amber,
    SessionState.STOPPING: amber,
    SessionState.FAILED: red,
}


class RunStatus(QWidget):
    """State, time, rates and counts of the current or last run.

    `shown` returns how many frames of the live caches were shown, and `skipped` how many of the
    run were not.
    """

    refreshed = Signal()
    """The numbers of frames may have changed."""

    def __init__(
        self,
        session: Session,
        shown: Callable[[], int] | None = None,
        skipped: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__()
        self._session = session
        self._shown, self._skipped = shown, skipped
        self._run_started = 0.0
        self._came_at = -math.inf  # time of the last frames
        self._stopping_since = math.inf
        self._forgotten = 0.0  # start time of the run not to show any more
        self._readers: dict[str, FrameReader] = {}
        self._acquired_rate, self._shown_rate = Rate(), Rate()
        self._dot = Dot()
        self._state = text_label(name="state")
        self._elapsed = text_label(name="elapsed")
        self._rates = text_label(name="rates")
        self._rates.setMinimumWidth(1)  # cut off, rather than widening the dock
        self._waiting = eliding_label("waiting")
        self._waiting.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._progress = ProgressRow()
        self._blocked = text_label(_BLOCKED, name="blocked", wrap=True)
        self._blocked.hide()
        self._counts = text_label(name="counts", wrap=True)
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self._dot)
        top.addWidget(self._state)
        top.addWidget(self._elapsed)
        top.addWidget(self._waiting, 1)
        top.addWidget(self._rates)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self._progress)
        layout.addWidget(self._blocked)
        layout.addWidget(self._counts)
        self._timer = QTimer(self)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(self._on_timeout)
        self._links = Links(self)
        self._links.connect(session.state_changed, self.refresh)
        self._links.connect(session.run_changed, self.refresh)
        self._links.connect(session.progress.changed, self._show_progress)
        self._links.connect(session.values.changed, self._on_values_changed)
        self._links.connect(session.caches.added, self._follow_caches)
        self._follow_caches()
        self.refresh()

    def cut_links(self) -> None:
        """Stop listening to the session."""
        self._links.cut()
        self._timer.stop()

    def forget_run(self) -> None:
        """Do not show the ending of the last run any more."""
        if self._session.run is not None:
            self._forgotten = self._session.run.started
        self.refresh()

    def refresh(self) -> None:
        """Show the present state, and follow it while a plan runs."""
        session = self._session
        for reader in self._readers.values():
            reader.arm()  # before reading the counts, so as to miss no change
        run = session.run
        if run is not None and run.started != self._run_started:
            self._run_started = run.started
            self._came_at = -math.inf
            self._acquired_rate.reset()
            self._shown_rate.reset()
        tally = self._tally()
        self._show_state(tally)
        if self._blocked.isHidden() == session.progress.is_blocked:
            self._blocked.setStyleSheet(f"color: {amber(self).name()};")
            self._blocked.setVisible(self._blocked.isHidden())
        self._rates.setText(self._rate_words(tally))
        self._show_progress()
        self._show_counts(tally)
        if session.state.busy and not self._timer.isActive():
            self._timer.start()
        self.refreshed.emit()

    def _tally(self) -> Tally:
        """Return the counts of the present or last run."""
        run = self._session.run
        return Tally() if run is None else Tally.of_run(run, self._session.caches)

    def _follow_caches(self) -> None:
        for cache in self._session.caches:
            if cache.name not in self._readers:
                self._readers[cache.name] = cache.reader()
                self._links.connect(cache.changed, self._on_cache_changed)
        self._on_cache_changed()

    def _on_cache_changed(self) -> None:
        if not self._session.state.busy:  # otherwise the timer refreshes
            self.refresh()

    def _show_state(self, tally: Tally) -> None:
        state, run = self._session.state, self._shown_run()
        elapsed = ""
        if state.busy or run is None:
            state = state if state.busy else SessionState.IDLE
            word = state_text(state)
            elapsed = "" if run is None else duration(run.seconds)
        else:
            word = outcome_summary(run, self._brought(tally))
        self._dot.colour = _COLOURS[state]
        self._dot.update()
        self._state.setText(word)
        self._elapsed.setText(elapsed)
        self._elapsed.setVisible(bool(elapsed))

    def _brought(self, tally: Tally) -> str:
        """Return the number of frames of the last run, or else of points."""
        if tally.frames:
            return frames(tally.frames)
        points = next((each.points for each in self._session.runs if each.run.plan), 0)
        return count_of(points, "point") if points else ""

    def _show_progress(self) -> None:
        """Show the bar, and the devices waited for unless frames arrive."""
        state = self._session.state
        progress = self._session.progress.now if state.busy else None
        self._progress.show_progress(progress)
        self._rates.setVisible(bool(self._rates.text()))
        waiting = () if progress is None or self._rates.text() else progress.waiting
        names = ", ".join(each.name for each in waiting)
        words = f"Still waiting for {names}" if state in _WINDING_DOWN else f"Waiting for {names}"
        if self._is_stuck() and not waiting:
            self._waiting.setText(_STUCK)
            self._waiting.setToolTip(_STUCK)
            return
        tips = [words, *(f"{each.name}: {place(each)}" for each in waiting if place(each))]
        self._waiting.setText(words if waiting else "")
        if waiting and state in _WINDING_DOWN:  # no room for both
            self._elapsed.hide()
        self._waiting.setToolTip(plain_tip("\n".join(tips)) if waiting else "")

    def _is_stuck(self) -> bool:
        """Return whether the plan takes long to stop."""
        if self._session.state is not SessionState.STOPPING:
            self._stopping_since = math.inf
            return False
        now = time.monotonic()
        self._stopping_since = min(self._stopping_since, now)
        return now - self._stopping_since > _PATIENCE

    def _shown_run(self) -> RunInfo | None:
        """Return the present run, or the last one unless it was forgotten."""
        run = self._session.run
        return None if run is None or run.started == self._forgotten else run

    def _on_values_changed(self) -> None:
        if not self._timer.isActive():  # otherwise it refreshes; or a plan of another engine runs
            self._timer.start()

    def _on_timeout(self) -> None:
        # once after the end: the last frames are shown a little later
        if not self._session.state.busy:
            self._timer.stop()
        self.refresh()

    def _frames_shown(self) -> int:
        return self._shown() if self._shown is not None else 0

    def _rate_words(self, tally: Tally) -> str:
        acquired = self._acquired_rate.update(tally.frames)
        shown = self._shown_rate.update(self._frames_shown())
        now = time.monotonic()
        if acquired:
            self._came_at = now
        running = self._session.state is SessionState.RUNNING
        if not running or now - self._came_at > _STILL_COMING:
            return ""
        on_screen = f", shown {rate(shown)}" if self._shown is not None and tally.live else ""
        return f"{rate(acquired)} fps{on_screen}"

    def _show_counts(self, tally: Tally) -> None:
        if self._shown_run() is None:
            tally, skipped = Tally(), 0
        else:
            skipped = self._skipped()
        in_ending = self._session.state is SessionState.IDLE
        came = "" if in_ending or not tally.frames else frames(tally.frames)
        missed = [f"{skipped} skipped on screen"] if skipped else []
        missed += [f"{tally.dropped} dropped"] if tally.dropped else []
        parts = [came, self._stack_words()], missed, self._value_words()
        lines = (", ".join(filter(None, each)) for each in parts)
        tips = [_SKIPPED] if skipped else []
        tips += [_DROPPED] if tally.dropped else []
        self._counts.setText("\n".join(filter(None, lines)))
        self._counts.setToolTip("\n".join(tips))
        self._counts.setVisible(bool(self._counts.text()))

    def _value_words(self) -> list[str]:
        """Return the last values of the newest run."""
        newest = self._session.values.newest
        # of a scan with many detectors, as many as a glance takes
        words = [f"{key} {value}" for key, value in list(newest.items())[:_MOST_VALUES]]
        words += [f"{len(newest) - _MOST_VALUES} more"] if len(newest) > _MOST_VALUES else []
        return words

    def _stack_words(self) -> str:
        stacks = [cache for cache in self._session.caches if cache.kind == "stack"]
        filled = [(cache, cache.counts) for cache in stacks if cache.counts.kept]
        if not filled:
            return ""
        number = sum(counts.kept for _, counts in filled)
        used = size(sum(counts.nbytes for _, counts in filled))
        return f"{number} in stack ({used} of {size(sum(cache.max_bytes for cache, _ in filled))})"
