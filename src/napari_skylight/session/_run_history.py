"""Every run of a session: what it was run with, what it brought, how it ended."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from threading import Lock
from types import MappingProxyType
from typing import Any, overload

from bluesky.protocols import HasName
from numpy.typing import NDArray
from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.engine import RunEngine
from napari_skylight.frames import CacheStore, Frame, FrameCache
from napari_skylight.plans.spec import PlanSpec, sentence_case
from napari_skylight.session._run_documents import DocumentLog, RunDocuments
from napari_skylight.session._run_info import RunInfo, Tally
from napari_skylight.session._tasks import Tasks

__all__ = ["KeptImages", "RunHistory", "RunRecord", "StashedFrames"]

_log = logging.getLogger("napari_skylight")

_MOST_RECORDS = 1000
_NO_SPEC = PlanSpec("", "")


@dataclass(frozen=True)
class StashedFrames:
    """The frames of a run in one stack: those with the numbers `first` to `last`.

    The numbers are those of `Frame.number`; they go on after the stack is cleared.
    """

    cache: str
    key: str
    first: int
    last: int


@dataclass(frozen=True)
class RunRecord:
    """One run of a plan, as it was when this was asked for.

    Attributes
    ----------
    number : int
        1 for the first run of the session.
    run : RunInfo
        Plan, values, times and ending; devices among the values are given by their names, and of
        the plan's `spec` nothing is kept, so that a record keeps no device.
    labels : Mapping[str, str]
        What the form called the parameters, with their units, by name.
    acquired, stashed, dropped : int
        Frames the cameras brought, those kept in stacks, and those lost or turned away.
    stacks : tuple of StashedFrames
    documents : tuple of RunDocuments
        One for each Bluesky run that the plan opened, oldest first.
    """

    number: int
    run: RunInfo
    labels: Mapping[str, str]
    acquired: int = 0
    stashed: int = 0
    dropped: int = 0
    stacks: tuple[StashedFrames, ...] = ()
    documents: tuple[RunDocuments, ...] = ()

    @property
    def points(self) -> int:
        """Events of the stream "primary", of all its Bluesky runs."""
        return sum(each.events.get("primary", 0) for each in self.documents)

    @property
    def python(self) -> str:
        """What to type in a console to have the same run again."""
        return f"session.start({self.run.plan!r}, {dict(self.run.values)!r})"


@dataclass(frozen=True)
class KeptImages:
    """Frames of a run that are still in a stack.

    Attributes
    ----------
    cache : FrameCache
    key : str
    data : ndarray
        The pixels, (N, Y, X): a read-only view of the stack's own memory, which lives as long as
        the view does.
    frames : sequence of Frame
        What is known of each of them.
    """

    cache: FrameCache
    key: str
    data: NDArray[Any]
    frames: Sequence[Frame]


class RunHistory(Sequence[RunRecord]):
    """The runs that `tasks` has started, newest first, and the older of them forgotten.

    What a script runs on the engine by itself is none of them. It may be asked on any thread.

    Attributes
    ----------
    changed : Signal()
        A run has started, has opened a Bluesky run, was paused or went on, or has ended. Not
        emitted for frames and events: who shows their numbers looks again now and then.
    """

    changed = Signal()

    def __init__(
        self, engine: RunEngine, tasks: Tasks, caches: CacheStore, most: int = _MOST_RECORDS
    ) -> None:
        self._caches = caches
        self._lock = Lock()
        self._records: deque[RunRecord] = deque(maxlen=most)
        self._number = 0
        self._open: _OpenRecord | None = None
        # After the runner's own connections: it keeps the engine waiting at the first change of
        # state until it has told of the run. So a run is known before anything happens in it.
        tasks.run_changed.connect(self._on_run_changed)
        engine.state_changed.connect(self._on_engine_state_changed)
        engine.subscribe(self._on_document)  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        return f"<{len(self)} runs>"

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> RunRecord: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[RunRecord]: ...

    def __getitem__(self, index: int | slice) -> RunRecord | Sequence[RunRecord]:
        return self._all()[index]

    def __iter__(self) -> Iterator[RunRecord]:
        return iter(self._all())

    def kept(self, record: RunRecord) -> int:
        """Return how many of the frames that a run stashed are still there."""
        return sum(stop - start for _, _, _, start, stop in self._find(record))

    def images(self, record: RunRecord) -> list[KeptImages]:
        """Return the frames of a run that are still there: nothing is copied."""
        return [
            KeptImages(cache, key, taken.data[start:stop], taken.frames[start:stop])
            for cache, key, taken, start, stop in self._find(record)
        ]

    def _find(self, record: RunRecord) -> Iterator[tuple[FrameCache, str, Any, int, int]]:
        caches = {cache.name: cache for cache in self._caches}
        for stashed in record.stacks:
            cache = caches[stashed.cache]
            taken = cache.reader().take(stashed.key)
            if taken is None or not taken.frames:
                continue
            oldest = taken.frames[0].number
            start, stop = max(0, stashed.first - oldest), stashed.last - oldest + 1
            if start < stop:
                yield cache, stashed.key, taken, start, stop

    def _all(self) -> tuple[RunRecord, ...]:
        with self._lock:
            if self._open is not None:
                self._records[0] = self._open.freeze(self._caches)
            return tuple(self._records)

    # ---- what happens ------------------------------------------------------------------------

    def _on_run_changed(self, run: RunInfo) -> None:
        labels = _labels(run)
        run = replace(run, values=_by_name(run.values), spec=_NO_SPEC)
        with self._lock:
            is_new = self._open is None  # the one before has ended, for there is one at a time
            if self._open is None:
                self._number += 1
                self._open = _OpenRecord(self._number, run, labels)
                self._records.appendleft(self._open.freeze(self._caches))
            self._open.run = run
            if run.ended is not None:
                self._records[0] = self._open.freeze(self._caches)
                self._open = None
        if is_new:
            _log.info("%s started.", run.title)
        if run.ended is not None:
            _log.info(_ending(run))
        announce(self.changed)

    def _on_engine_state_changed(self, new: str, old: str) -> None:
        with self._lock:
            if self._open is None:
                return
            if old == "idle":
                self._open.before = _last_numbers(self._caches)
            elif new == "idle":
                self._open.after = _last_numbers(self._caches)

    def _on_document(self, name: str, document: Mapping[str, Any]) -> None:
        with self._lock:
            if self._open is not None:
                self._open.documents.add(name, document)


_Numbers = Mapping[tuple[str, str], int]
"""The number of the last frame in a stack, by cache and image key."""


class _OpenRecord:
    """The run under way."""

    def __init__(self, number: int, run: RunInfo, labels: Mapping[str, str]) -> None:
        self.run = run
        self.before: _Numbers | None = None  # not counted: its plan has not begun
        self.after: _Numbers | None = None  # not counted: its plan has not ended
        self.documents = DocumentLog()
        self._number = number
        self._labels = labels

    def freeze(self, caches: CacheStore) -> RunRecord:
        stacks = tuple(self._stashed(caches))
        brought = self.run.brought or Tally.of(caches) - self.run.before
        return RunRecord(
            self._number,
            self.run,
            self._labels,
            acquired=brought.frames,
            stashed=sum(each.last - each.first + 1 for each in stacks),
            dropped=brought.dropped,
            stacks=stacks,
            documents=self.documents.freeze(),
        )

    def _stashed(self, caches: CacheStore) -> Iterator[StashedFrames]:
        if self.before is None:
            return
        after = _last_numbers(caches) if self.after is None else self.after
        for (cache, key), last in after.items():
            before = self.before.get((cache, key), 0)
            if last > before:
                yield StashedFrames(cache, key, before + 1, last)


def _last_numbers(caches: CacheStore) -> _Numbers:
    return {
        (cache.name, key): cache.reader().counts(key).stashed
        for cache in caches
        if cache.kind == "stack"
        for key in cache.keys
    }


def _labels(run: RunInfo) -> Mapping[str, str]:
    labels = {name: sentence_case(name) for name in run.values}
    for each in run.spec.parameters:
        if each.name in labels:
            labels[each.name] = f"{each.label} ({each.unit})" if each.unit else each.label
    return MappingProxyType(labels)


def _by_name(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `values` with names for devices: a record must not keep a device from going."""
    return MappingProxyType({key: _name(value) for key, value in values.items()})


def _name(value: Any) -> Any:
    if isinstance(value, (list, tuple, set, frozenset)):
        before = list(value)
        named = [_name(each) for each in before]
        unchanged = all(new is old for new, old in zip(named, before, strict=True))
        return value if unchanged else named
    return value.name if _is_device(value) else value


def _is_device(value: Any) -> bool:
    # the members of an Enum have names too, and paths have parents as well
    has_both = isinstance(value, HasName) and hasattr(value, "parent")
    return has_both and not isinstance(value, PurePath)


def _ending(run: RunInfo) -> str:
    """Return that a run has ended; why it failed is logged where it is reported."""
    word = {"success": "finished", "abort": "was aborted"}.get(run.exit_status, "failed")
    return f"{run.title} {word} after {run.seconds:.1f} s."
