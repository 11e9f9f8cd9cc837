"""The progress of a run, and the devices it waits for."""

from __future__ import annotations

import asyncio
import logging
import operator
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.engine import RunEngine
from napari_skylight.session._run_documents import last_number
from napari_skylight.session._tasks import RunInfo, Tasks

_log = logging.getLogger("napari_skylight")

_PERIOD = 0.25  # seconds between updates
_PATIENCE = 0.5  # seconds before a wait is shown
_ANSWER = 0.6  # seconds that the engine's thread may take to answer a request


@dataclass(frozen=True)
class Waiting:
    """A device that a plan waits for, with its progress if known."""

    name: str
    current: Any = None
    target: Any = None
    """`current` and `target` are positions, in `unit`."""
    unit: str = ""
    fraction: float | None = None
    """The part done, 0 to 1."""
    seconds_left: float | None = None


@dataclass(frozen=True)
class Progress:
    """The progress of a run."""

    done: int = 0
    """Points measured: events of the stream "primary"."""
    total: int | None = None
    """The number of points, if the metadata of the run has ``num_points``."""
    seconds_left: int | None = None
    """Estimated from the points done."""
    waiting: tuple[Waiting, ...] = ()
    """What the plan has been waiting for, for half a second or more."""

    @property
    def fraction(self) -> float | None:
        """The part done, 0 to 1; that of what the plan waits for if `total` is not known."""
        if self.total is not None:
            return min(1.0, self.done / self.total)
        known = [each.fraction for each in self.waiting if each.fraction is not None]
        return min(known, default=None)


class RunProgress:
    """Updates `now`, the progress of the running plan, four times a second."""

    changed = Signal(object)
    """Emitted with `now` on the engine's thread."""

    def __init__(self, engine: RunEngine, tasks: Tasks) -> None:
        self.now: Progress | None = None
        self._engine = engine
        self._tasks = tasks
        self._points = _Points()
        self._waits = _Waits()
        self._next_look: asyncio.TimerHandle | None = None
        self._looked = self._asked = 0.0
        tasks.run_changed.connect(self._on_run_changed)
        engine.subscribe(self._on_document)  # type: ignore[no-untyped-call]

    def expect_answer(self) -> None:
        """Note that the user has just requested something of the engine's thread."""
        if self._run is not None and self._asked <= self._looked:
            self._asked = time.monotonic()

    @property
    def is_blocked(self) -> bool:
        """Whether the plan blocks the engine's thread, so that a request is not answered."""
        unanswered = self._run is not None and self._asked > self._looked
        return unanswered and time.monotonic() - self._asked > _ANSWER

    def _on_run_changed(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._engine.loop.call_soon_threadsafe(self._look)

    def _on_document(self, name: str, document: Mapping[str, Any]) -> None:
        self._points.add(name, document)
        if name == "stop" and self._run is None:  # a script runs a plan on the engine itself
            self._points = _Points()

    def _look(self) -> None:
        self._looked = time.monotonic()
        if self._next_look is not None:
            self._next_look.cancel()
        run = self._run
        if run is None:
            self._points, self._waits = _Points(), _Waits()
            self._set(None)
            return
        waiting = self._waits.look(self._engine.awaited)
        self._set(replace(self._points.look(run.seconds), waiting=waiting))
        self._next_look = self._engine.loop.call_later(_PERIOD, self._look)

    @property
    def _run(self) -> RunInfo | None:
        run = self._tasks.run
        return run if run is not None and run.ended is None else None

    def _set(self, progress: Progress | None) -> None:
        if progress != self.now:
            self.now = progress
            announce(self.changed, progress)


class _Points:
    """Counts the points of a run; of nested runs, the outermost with a number of points."""

    def __init__(self) -> None:
        self._begin({})

    def _begin(self, start: Mapping[str, Any]) -> None:
        self._run = start.get("uid", "")
        self._total = _number(start.get("num_points"))
        self._descriptor = ""
        self._done = self._done_before = 0
        self._started: float | None = None
        self._last = 0.0

    def add(self, name: str, document: Mapping[str, Any]) -> None:
        """Count a document."""
        if name == "start":
            if not self._run or self._total is None:
                self._begin(document)
        elif document.get("descriptor") == self._descriptor:
            self._done = last_number(name, document)  # lower when the engine repeats points
        elif document.get("run_start") == self._run:
            if name == "stop":
                self._run = ""
            elif name == "descriptor" and document.get("name") == "primary":
                self._descriptor = document["uid"]

    def look(self, seconds: float) -> Progress:
        """Return the progress `seconds` after the start."""
        if self._total is None:
            return Progress()
        if self._started is None:
            self._started = seconds
        if self._done != self._done_before:
            self._done_before, self._last = self._done, seconds
        return Progress(self._done, self._total, self._seconds_left(seconds))

    def _seconds_left(self, seconds: float) -> int | None:
        if self._total is None or self._started is None or not self._done:
            return None
        each = (self._last - self._started) / self._done
        left = each * max(0, self._total - self._done) - (seconds - self._last)
        return max(0, round(left)) if seconds - self._started > 2 * _PATIENCE else None


class _Waits:
    """What the engine waits for, and since when."""

    def __init__(self) -> None:
        self._awaited: Collection[Any] = ()
        self._since = 0.0
        self._shown: set[str] = set()
        self._watches: dict[Any, _Watch] = {}

    def look(self, awaited: Collection[Any]) -> tuple[Waiting, ...]:
        """Return the waits in `awaited` that last long enough to be shown."""
        now = time.monotonic()
        if awaited is not self._awaited:
            self._awaited, self._since = awaited, now
            self._watches.clear()
        open_ones = [each for each in awaited if each.status is None or not each.status.done]
        names = {_name(each.device) for each in open_ones}
        # repeated waits for the same device are shown at once, so that nothing blinks
        if now - self._since < _PATIENCE and not names & self._shown:
            self._shown.clear()
            return ()
        self._shown = names
        waiting = [self._watch(each).waiting() for each in open_ones]
        return tuple(sorted(set(waiting), key=lambda each: each.name))

    def _watch(self, awaited: Any) -> _Watch:
        if awaited not in self._watches:
            watch = self._watches[awaited] = _Watch(_name(awaited.device))
            try:
                if hasattr(awaited.status, "watch"):
                    awaited.status.watch(watch)
            except Exception:  # noqa: BLE001 - a faulty device must not end the updates
                _log.exception("Cannot watch the progress of %s.", watch.name)
        return self._watches[awaited]


class _Watch:
    """A watcher of a status of ophyd or ophyd-async."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._last: Mapping[str, Any] = {}

    def __call__(self, *_: Any, **update: Any) -> None:  # on any thread
        self._last = update

    def waiting(self) -> Waiting:
        """Return the last progress."""
        update = self._last
        current, target = update.get("current"), update.get("target")
        return Waiting(
            name=self.name,
            current=_scalar(current),
            target=_scalar(target),
            unit="" if (unit := update.get("unit")) is None else str(unit),
            # computed: ophyd passes the part left, ophyd-async the part done
            fraction=_fraction(update.get("initial"), current, target),
            seconds_left=_scalar(update.get("time_remaining")),
        )


def _number(points: Any) -> int | None:
    try:
        number = operator.index(points)
    except TypeError:
        return None
    return number if number > 0 else None


def _scalar(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _fraction(initial: Any, current: Any, target: Any) -> float | None:
    """Return the part of the way done; positions may be vectors."""
    if initial is None or current is None or target is None:
        return None
    try:
        way = float(np.linalg.norm(np.subtract(target, initial)))
        gone = way - float(np.linalg.norm(np.subtract(target, current)))
    except (TypeError, ValueError):
        return None
    return min(1.0, max(0.0, gone / way)) if way > 0 and np.isfinite(gone) else None


def _name(device: Any) -> str:
    return str(getattr(device, "name", None) or "a device")
