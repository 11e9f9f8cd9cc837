"""The runs of earlier sessions, in the run store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, overload

from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.engine import RunEngine
from napari_skylight.frames import CacheStore, FileFrames, Frame, FrameCache
from napari_skylight.plans.spec import PlanSpec, sentence_case
from napari_skylight.recording import (
    INTERRUPTED,
    OWN_METADATA,
    ImageFile,
    RunImages,
    RunIndex,
    RunStore,
    StoredRun,
    image_files,
    read_documents,
)
from napari_skylight.session._coalescing_task import CoalescingTask
from napari_skylight.session._problems import Problems, in_words
from napari_skylight.session._run_documents import DocumentLog
from napari_skylight.session._run_history import RunHistory, RunRecord
from napari_skylight.session._run_metadata import values_in
from napari_skylight.session._tasks import RunInfo, Tally, Tasks

_log = logging.getLogger("napari_skylight")

_EMPTY: Mapping[str, Any] = MappingProxyType({})
_NO_SPEC = PlanSpec("", "")
_OF_IMAGES = "descriptor", "stream_resource", "stream_datum"
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
    store.follow(engine)
    tasks.run_changed.connect(on_run_changed)
    return store


@dataclass(frozen=True)
class FiledImages:
    """Frames of a run in a file."""

    cache: FrameCache | None
    """Of the live frames of the same camera; None if none of that name is connected."""
    key: str
    data: FileFrames
    """The pixels, (N, Y, X), read when they are indexed."""
    frames: Sequence[Frame]

    @property
    def name(self) -> str:
        """The name of the data key."""
        return self.key

    title = name


@dataclass(frozen=True)
class _Content:
    """What is in the run files of a run."""

    files: tuple[Path, ...]
    record: RunRecord
    images: RunImages


class EarlierRuns(Sequence[RunRecord]):
    """The runs that were in `store` when the session started, newest first; safe on any thread.

    They are listed and read on threads of their own, and so are the image files of any run.
    """

    changed = Signal()
    """Runs were listed, or what was asked for has been read."""

    def __init__(
        self, store: RunStore, present: RunHistory, caches: CacheStore, problems: Problems
    ) -> None:
        self._store = store
        self._present = present
        self._caches = caches
        self._problems = problems
        self._records: tuple[RunRecord, ...] = ()
        self._lock = threading.Lock()
        self._asked: RunRecord | None = None
        self._content: _Content | None = None
        self._opened: tuple[_Content, list[FiledImages]] | None = None
        self._listing = CoalescingTask("skylight-list-runs", self._list)
        self._reading = CoalescingTask("skylight-read-run", self._read)
        self._opening = CoalescingTask("skylight-open-images", self._open)
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

    @property
    def is_listing(self) -> bool:
        """Whether the runs are not listed yet."""
        return not self._listing.wait(0)

    def reload(self) -> None:
        """List the runs in the store's folder again."""
        self._listing.ask().add_done_callback(self._problems.report_failure)

    def files(self, record: RunRecord) -> tuple[Path, ...]:
        """Return the run files of any run, also of the present session."""
        if record.files:
            return tuple(map(Path, record.files))
        return tuple(file for uid in record.run.uids if (file := self._store.file_of(uid)))

    def complete(self, record: RunRecord) -> RunRecord | None:
        """Return an earlier run with its parameters and documents.

        None while they are read; `changed` is emitted then.
        """
        content = self._content_of(record)
        return None if content is None else content.record

    def image_files(self, record: RunRecord) -> RunImages | None:
        """Return the image files of any run that has ended; None while its documents are read."""
        content = self._content_of(record)
        return None if content is None else content.images

    def open_images(self, record: RunRecord) -> None:
        """Open the `images` of a run; `changed` is emitted when they are open."""
        if self._content_of(record) is not None:
            self._opening.ask().add_done_callback(self._problems.report_failure)

    def images(self, record: RunRecord) -> list[FiledImages] | None:
        """Return the images in the files of the run that was opened last; None for another."""
        opened = self._opened
        return opened[1] if opened and opened[0].files == self.files(record) else None

    def close(self, seconds: float) -> None:
        """Wait up to `seconds` for the threads."""
        for task in (self._listing, self._reading, self._opening):
            task.wait(seconds / 3)

    def _content_of(self, record: RunRecord) -> _Content | None:
        files = self.files(record)
        if not files:
            return _Content((), record, RunImages())
        with self._lock:
            if self._content is not None and self._content.files == files:
                return self._content
            is_asked = self._asked is not None and self.files(self._asked) == files
            self._asked = record
        if not is_asked:
            self._reading.ask().add_done_callback(self._problems.report_failure)
        return None

    def _list(self) -> None:
        folder = self._store.folder
        try:
            stored = [] if folder is None else RunIndex(folder).load()
        except OSError as error:
            _log.warning("The earlier runs cannot be listed: %s", error)
            stored = []
        own = {uid for record in self._present for uid in record.run.uids}
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
        images: list[ImageFile] = []
        files = self.files(asked)
        for file in files:
            kept = []
            try:
                for name, document in read_documents(file):
                    log.add(name, document)
                    if name == "start" and isinstance(document.get(OWN_METADATA), dict):
                        own = document[OWN_METADATA]
                    if name in _OF_IMAGES:
                        kept.append((name, document))
                images += (each.beside(file) for each in image_files(kept))
            except (OSError, KeyError, TypeError, ValueError) as error:
                _log.warning("The run %s cannot be read to its end: %s", file.name, error)
        record = _completed(asked, own, log) if asked.files else asked
        there = RunImages.of(images)
        with self._lock:
            self._content = _Content(files, record, there)
        announce(self.changed)

    def _open(self) -> None:
        content = self._content
        if content is None:
            return
        opened, problems = [], []
        for file in content.images.files:
            try:
                opened.append(self._filed(content.record, file))
            except Exception as error:  # noqa: BLE001 - whatever a library raises about a file
                problems.append(f"{file.path.name} cannot be shown: {in_words(error)}")
        self._opened = content, opened
        if problems:
            self._problems.report(" ".join(problems))
        announce(self.changed)

    def _filed(self, record: RunRecord, file: ImageFile) -> FiledImages:
        data = file.open()
        data[0]  # reads it: a viewer shows it next
        caches = {cache.name: cache for cache in self._caches if cache.kind == "live"}
        began = record.run.started
        frames = [Frame(file.key, place, began, file.values) for place in range(1, len(data) + 1)]
        cache = caches.get(file.device) or caches.get(
            file.key
        )  # a recorder names it after the camera
        return FiledImages(cache, file.key, data, frames)


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
            first.title if first.title != first.plan else sentence_case(first.plan),
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
