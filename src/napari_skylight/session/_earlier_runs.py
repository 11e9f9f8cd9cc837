"""The runs of earlier sessions, in the run store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, overload

from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.engine import RunEngine
from napari_skylight.plans.spec import PlanSpec
from napari_skylight.recording import (
    INTERRUPTED,
    OWN_METADATA,
    RunIndex,
    RunStore,
    StoredRun,
    read_documents,
)
from napari_skylight.session._coalescing_task import CoalescingTask
from napari_skylight.session._problems import Problems
from napari_skylight.session._run_documents import DocumentLog
from napari_skylight.session._run_history import RunHistory, RunRecord
from napari_skylight.session._run_metadata import values_in
from napari_skylight.session._tasks import RunInfo, Tally, Tasks

_log = logging.getLogger("napari_skylight")

_EMPTY: Mapping[str, Any] = MappingProxyType({})
_NO_SPEC = PlanSpec("", "")
_MOST_SEARCHED = 100  # runs of one task


def store_runs(
    engine: RunEngine, tasks: Tasks, folder: Path | None, problems: Problems
) -> RunStore:
    """Return a store that writes the documents of `engine` to `folder`."""

    def report(problem: str) -> None:
        if problem:
            problems.report(problem, about=store)
        else:
            problems.take_back(store)

    def on_run_changed(run: RunInfo) -> None:
        if run.ended is None or not run.uids:
            return
        brought = run.brought or Tally()
        store.note(
            run.uids[0],
            acquired=brought.frames,
            stashed=brought.stacked,
            dropped=brought.dropped,
            task_status=run.exit_status,
            task_reason=run.reason,
        )

    store = RunStore(folder, report)
    engine.subscribe(store)  # type: ignore[no-untyped-call]
    tasks.run_changed.connect(on_run_changed)
    return store


class EarlierRuns(Sequence[RunRecord]):
    """The runs that were in `store` when the session started, newest first; safe on any thread.

    They are listed, and read, on the thread ``skylight-read-runs``.
    """

    changed = Signal()
    """Runs were listed, or one that was asked for is `complete`."""

    def __init__(self, store: RunStore, present: RunHistory) -> None:
        self._store = store
        self._present = present
        self._records: tuple[RunRecord, ...] = ()
        self._lock = threading.Lock()
        self._asked: RunRecord | None = None
        self._complete: RunRecord | None = None
        self._listing = CoalescingTask("skylight-list-runs", self._list)
        self._reading = CoalescingTask("skylight-read-runs", self._read)
        self.reload()

    def __repr__(self) -> str:
        return f"<{len(self)} earlier runs>"

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> RunRecord: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[RunRecord]: ...

    def __getitem__(self, index: int | slice) -> RunRecord | Sequence[RunRecord]:
        return self._records[index]

    def reload(self) -> None:
        """List the runs in the store's folder again."""
        if self._store.folder is None:
            self._records = ()
            announce(self.changed)
        else:
            self._listing.ask()

    def complete(self, record: RunRecord) -> RunRecord | None:
        """Return an earlier run with its parameters and documents.

        None while they are read; `changed` is emitted then.
        """
        with self._lock:
            complete = self._complete
            if complete is not None and complete.files == record.files:
                return complete
            is_asked = self._asked is not None and self._asked.files == record.files
            self._asked = record
        if not is_asked:
            self._reading.ask()
        return None

    def close(self, seconds: float) -> None:
        """Wait up to `seconds` for the threads."""
        self._listing.wait(seconds / 2)
        self._reading.wait(seconds / 2)

    def _list(self) -> None:
        folder = self._store.folder
        try:
            stored = [] if folder is None else RunIndex(folder).load()
        except OSError as error:
            _log.warning("The earlier runs cannot be listed: %s", error)
            stored = []
        own = {uid for record in self._present for uid in record.run.uids}
        # runs of one task overlap, or follow each other
        tasks: dict[str, list[StoredRun]] = {}
        for each in stored:
            if each.uid not in own:
                tasks.setdefault(each.task, []).append(each)
        self._records = tuple(
            _record_of(-place, runs[::-1]) for place, runs in enumerate(tasks.values())
        )
        announce(self.changed)

    def _read(self) -> None:
        with self._lock:
            asked = self._asked
        if asked is None:
            return
        log = DocumentLog()
        own: Mapping[str, Any] = _EMPTY
        for file in asked.files:
            try:
                for name, document in read_documents(file):
                    log.add(name, document)
                    if name == "start" and isinstance(document.get(OWN_METADATA), dict):
                        own = document[OWN_METADATA]
            except (OSError, KeyError, TypeError, ValueError) as error:
                _log.warning("The run %s cannot be read to its end: %s", file.name, error)
        with self._lock:
            self._complete = _completed(asked, own, log)
        announce(self.changed)


def _record_of(number: int, runs: Sequence[StoredRun]) -> RunRecord:
    """Return a task by its Bluesky runs, oldest first."""
    first, last = runs[0], runs[-1]
    ended = None if any(run.ended is None for run in runs) else last.ended
    cut = [run for run in runs if run.exit_status == INTERRUPTED]
    status = first.task_status or (cut or runs)[-1].exit_status
    return RunRecord(
        number,
        RunInfo(
            first.plan,
            first.title,
            _EMPTY,
            first.started,
            ended,
            "" if ended is None else status,
            first.task_reason or last.reason,
            tuple(run.uid for run in runs),
            spec=_NO_SPEC,
        ),
        _EMPTY,
        acquired=first.acquired,
        stashed=first.stashed,
        dropped=first.dropped,
        files=tuple(run.file for run in runs),
        text=" ".join(run.text for run in runs[:_MOST_SEARCHED]),
    )


def _completed(record: RunRecord, own: Mapping[str, Any], log: DocumentLog) -> RunRecord:
    values, labels = values_in(own)
    run = replace(record.run, values=values)
    return replace(record, run=run, labels=labels, documents=log.freeze())
