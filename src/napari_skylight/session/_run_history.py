"""The runs of a session: their values, frames, documents and results."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, overload

from numpy.typing import NDArray
from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.engine import RunEngine
from napari_skylight.frames import CacheStore, Frame, FrameCache
from napari_skylight.plans.spec import PlanSpec
from napari_skylight.session._document_images import HasDocuments
from napari_skylight.session._document_notes import unfailing
from napari_skylight.session._followed_runs import FollowedRuns
from napari_skylight.session._run_documents import DocumentLog, RunDocuments
from napari_skylight.session._run_metadata import labels_of, named_values
from napari_skylight.session._tasks import RunInfo, Tally, Tasks

_log = logging.getLogger("napari_skylight")

_MOST_RECORDS = 1000
_NO_SPEC = PlanSpec("", "")


@dataclass(frozen=True)
class StashedFrames:
    """The frames of a run in one stack, by the first and last `Frame.number`."""

    cache: str
    key: str
    first: int
    last: int


@dataclass(frozen=True)
class RunRecord:
    """One run of a plan, at the time of the request."""

    number: int
    """1 for the first run of the session; 0 and below for those of earlier sessions."""
    run: RunInfo
    """With names for devices, and an empty `spec`: a record keeps no device."""
    labels: Mapping[str, str]
    """The labels of the parameters in the form, with their units, by name."""
    acquired: int = 0
    """The number of frames acquired."""
    stashed: int = 0
    """The number of frames kept in stacks."""
    dropped: int = 0
    """The number of frames lost or refused."""
    stacks: tuple[StashedFrames, ...] = ()
    documents: tuple[RunDocuments, ...] = ()
    """One for each Bluesky run of the plan, oldest first."""
    files: tuple[str, ...] = ()
    """The run files of a run of an earlier session, one for each of its Bluesky runs."""
    text: str = ""
    """Other values of an earlier run, for searches."""

    @property
    def points(self) -> int:
        """The number of events of the stream "primary", over its Bluesky runs."""
        return sum(each.events.get("primary", 0) for each in self.documents)

    @property
    def python(self) -> str:
        """The call that repeats the run; empty for one of another engine."""
        if not self.run.plan:
            return ""
        return f"session.start({self.run.plan!r}, {dict(self.run.values)!r})"


@dataclass(frozen=True)
class KeptImages:
    """Frames of a run that are still in a stack."""

    cache: FrameCache
    key: str
    data: NDArray[Any]
    """The pixels, (N, Y, X): a read-only view of the stack's memory."""
    frames: Sequence[Frame]

    @property
    def name(self) -> str:
        """The name of the cache."""
        return self.cache.name

    @property
    def title(self) -> str:
        """The title of the cache."""
        return self.cache.title


class RunHistory(Sequence[RunRecord]):
    """The last runs that `tasks` has started and those of followed engines, newest first.

    Safe on any thread.
    """

    changed = Signal()
    """A run has started, opened a Bluesky run, paused, resumed or ended."""

    def __init__(
        self, engine: RunEngine, tasks: Tasks, caches: CacheStore, most: int = _MOST_RECORDS
    ) -> None:
        self._caches = caches
        self._lock = Lock()
        self._records: deque[RunRecord] = deque(maxlen=most)
        self._number = 0
        self._open: _OpenRecord | None = None
        # after the connections of `tasks`, which emits a run before the engine goes on: a run is
        # known before its first document
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
        """Return how many stashed frames of a run still exist."""
        return sum(len(each.frames) for each in self.images(record))

    def images(self, record: RunRecord) -> list[KeptImages]:
        """Return the stashed frames of a run that still exist; nothing is copied."""
        found = []
        caches = {cache.name: cache for cache in self._caches}
        for stashed in record.stacks:
            cache = caches[stashed.cache]
            taken = cache.reader().take(stashed.key)
            if taken is None or not taken.frames:
                continue
            oldest = taken.frames[0].number
            own = slice(max(0, stashed.first - oldest), max(0, stashed.last - oldest + 1))
            if frames := taken.frames[own]:
                found.append(KeptImages(cache, stashed.key, taken.data[own], frames))
        return found

    def follow(self, engine: HasDocuments) -> Callable[[], None]:
        """List the runs of another engine, when they have ended; return the undo."""
        token = engine.subscribe(unfailing(FollowedRuns(self._caches, self._add)))
        return lambda: engine.unsubscribe(token)

    def _all(self) -> tuple[RunRecord, ...]:
        with self._lock:
            self._refresh()
            return tuple(self._records)

    def _refresh(self) -> None:
        """Bring the record of the running plan up to date."""
        if self._open is None:
            return
        record = self._open.freeze(self._caches)
        for place, each in enumerate(self._records):
            if each.number == record.number:
                self._records[place] = record
                return

    def _add(self, run: RunInfo, documents: tuple[RunDocuments, ...]) -> None:
        brought = run.brought or Tally()
        with self._lock:
            self._number += 1
            record = RunRecord(
                self._number,
                run,
                labels_of(run),
                acquired=brought.frames,
                dropped=brought.dropped,
                documents=documents,
            )
            self._records.appendleft(record)
        announce(self.changed)

    def _on_run_changed(self, run: RunInfo) -> None:
        labels = labels_of(run)
        run = replace(run, values=named_values(run), spec=_NO_SPEC)
        with self._lock:
            is_new = self._open is None  # there is one at a time
            if self._open is None:
                self._number += 1
                self._open = _OpenRecord(self._number, run, labels)
                self._records.appendleft(self._open.freeze(self._caches))
            self._open.run = run
            if run.ended is not None:
                self._refresh()
                self._open = None
        if is_new:
            _log.info("%s started.", run.title)
        if run.ended is not None:
            _log.info(_ending(run))
        announce(self.changed)

    def _on_engine_state_changed(self, new: str, old: str) -> None:
        with self._lock:
            if self._open is not None and old == "idle":
                self._open.before = _last_numbers(self._caches)
            elif self._open is not None and new == "idle":
                self._open.after = _last_numbers(self._caches)

    def _on_document(self, name: str, document: Mapping[str, Any]) -> None:
        with self._lock:
            if self._open is not None:
                self._open.documents.add(name, document)


_Numbers = Mapping[tuple[str, str], int]
"""The number of the last frame in a stack, by cache and image key."""


class _OpenRecord:
    """The running plan."""

    def __init__(self, number: int, run: RunInfo, labels: Mapping[str, str]) -> None:
        self.run = run
        self.before: _Numbers | None = None  # None before the plan begins
        self.after: _Numbers | None = None  # None until the plan ends
        self.documents = DocumentLog()
        self._number = number
        self._labels = labels

    def freeze(self, caches: CacheStore) -> RunRecord:
        stacks = tuple(self._stashed(caches))
        brought = Tally.of_run(self.run, caches)
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


def _ending(run: RunInfo) -> str:
    """Return the line in the log; the reason of a failure is logged by `Problems`."""
    word = {"success": "finished", "abort": "was aborted"}.get(run.exit_status, "failed")
    return f"{run.title} {word} after {run.seconds:.1f} s."
