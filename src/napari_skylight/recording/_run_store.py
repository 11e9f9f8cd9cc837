"""The run store: a folder with a file for each run, written as the documents come."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from napari_skylight.engine._loop import write_at_exit
from napari_skylight.engine.documents import without_images
from napari_skylight.recording._run_files import file_name, to_line
from napari_skylight.recording._run_index import RunIndex

_MOST_WAITING = 100_000
"""Documents that wait for the disk; then the open runs are given up."""
_IDLE_SECONDS = 10.0
"""How long the thread sleeps at a time while no documents come."""

_FAILED = "The documents of runs are not stored in {folder}: {error}. Plans go on without."
_SLOW = "The disk is too slow"


class RunStore:
    """Writes documents to `folder` on the thread ``skylight-runs``, which the first one starts.

    A subscriber of an engine: the engine's thread only appends to a queue. Images are left out.
    `report` is called with a text when writing fails, and with an empty one when it works again.
    """

    def __init__(self, folder: Path | None, report: Callable[[str], None]) -> None:
        self._report = report
        self._folder = folder
        self._thin = without_images(self._put)
        self._changed = threading.Condition()
        self._waiting: deque[Callable[[], None]] = deque()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._runs: dict[str, _OpenRun] = {}  # by uid; of the thread
        self._owners: dict[str, str] = {}  # run uids by those of descriptors and resources
        self._files: dict[str, Path] = {}  # by uid
        self._failed = False
        write_at_exit.add(self)

    @property
    def folder(self) -> Path | None:
        """Where the next runs are written; None to write none."""
        return self._folder

    @folder.setter
    def folder(self, folder: Path | None) -> None:
        self._folder = folder

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Take a document, on any thread; never block, never raise."""
        try:
            self._thin(name, document)
        except Exception as error:  # noqa: BLE001 - whatever a document holds, the plan goes on
            self._fail(f"a document of the kind {name!r} cannot be stored: {error!r}")

    def follow(self, engine: Any) -> Callable[[], None]:
        """Write the documents of `engine`, such as bluesky's; return the undo."""
        token = engine.subscribe(self)
        return lambda: engine.unsubscribe(token)

    def note(self, uid: str, **values: Any) -> None:
        """Note values of a run in the index, such as counts."""

        def write() -> None:
            if self._folder is not None:
                RunIndex(self._folder).note(uid, values)

        self._do(write)

    def file_of(self, uid: str) -> Path | None:
        """Return the file of a run that this store has written, or is writing."""
        return self._files.get(uid)

    def close(self, timeout: float) -> None:
        """Write what has come, and end the thread; wait for that up to `timeout` seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _put(self, name: str, document: Mapping[str, Any]) -> None:
        if self._folder is None and not self._runs:
            return
        if name in ("event", "event_page"):  # devices may write to their arrays again
            data = {
                key: each.copy() if isinstance(each, np.ndarray) else each
                for key, each in document["data"].items()
            }
            document = {**document, "data": data}
        self._do(lambda: self._write(name, document))

    def _do(self, work: Callable[[], None]) -> None:
        with self._changed:
            if self._closed:
                return
            if len(self._waiting) >= _MOST_WAITING:
                self._waiting.clear()
                self._waiting.append(self._give_up_all)
            self._waiting.append(work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="skylight-runs")
                self._thread.daemon = True
                self._thread.start()
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed, _IDLE_SECONDS)
                batch, self._waiting = self._waiting, deque()
                closed = self._closed
            for work in batch:
                try:
                    work()
                except OSError as error:
                    self._fail(error)
            for run in list(self._runs.values()):
                self._attempt(run, run.flush)
            with self._changed:
                if closed or not (batch or self._waiting or self._runs):
                    self._thread = None  # the next document starts another
                    break
        for run in self._runs.values():
            self._attempt(run, run.close)

    def _write(self, name: str, document: Mapping[str, Any]) -> None:
        if name == "start":
            self._open(document)
            return
        for run in self._runs_of(document):
            self._attempt(run, partial(run.write, name, document))
            if name == "stop":
                self._attempt(run, run.close)
                del self._runs[document["run_start"]]
                owners = self._owners.items()
                self._owners = {uid: owner for uid, owner in owners if owner in self._runs}
                run.index.stop(document)
                if run.is_whole:
                    self._succeed()

    def _open(self, start: Mapping[str, Any]) -> None:
        folder = self._folder
        if folder is None:
            return
        name = file_name(start)
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        run = _OpenRun(file.open("x", encoding="utf-8", newline="\n"), RunIndex(folder))
        self._runs[start["uid"]] = run
        self._files[start["uid"]] = file
        self._attempt(run, partial(run.write, "start", start))
        run.index.start(name, start)

    def _runs_of(self, document: Mapping[str, Any]) -> list[_OpenRun]:
        """Return the runs that a document belongs to."""
        owner = document.get("run_start")
        if owner is not None and "uid" in document:
            self._owners[document["uid"]] = owner
        for key in ("descriptor", "stream_resource", "resource"):
            if owner is None and key in document:
                owner = self._owners.get(document[key])
        if owner is None:  # of the old kind, before resources named their run
            is_asset = "resource" in document or "resource_path" in document
            return list(self._runs.values()) if is_asset else []
        return [self._runs[owner]] if owner in self._runs else []

    def _attempt(self, run: _OpenRun, work: Callable[[], None]) -> None:
        try:
            work()
        except (OSError, TypeError, ValueError) as error:  # the disk, or no value for JSON
            run.give_up()
            self._fail(error)

    def _give_up_all(self) -> None:
        for run in self._runs.values():
            run.give_up()
        self._fail(_SLOW)

    def _fail(self, error: object) -> None:
        self._failed = True
        self._report(_FAILED.format(folder=self._folder, error=str(error).rstrip(".")))

    def _succeed(self) -> None:
        if self._failed:
            self._failed = False
            self._report("")


class _OpenRun:
    """A run that is being written; nothing more is, once it was given up."""

    def __init__(self, file: TextIO, index: RunIndex) -> None:
        self.index = index
        self.is_whole = True
        self._file = file

    def write(self, name: str, document: Mapping[str, Any]) -> None:
        if self.is_whole:
            self._file.write(to_line(name, document))

    def flush(self) -> None:
        if self.is_whole:
            self._file.flush()

    def close(self) -> None:
        if self.is_whole:
            self._file.flush()
            os.fsync(self._file.fileno())
        self._file.close()

    def give_up(self) -> None:
        self.is_whole = False
        with suppress(OSError):  # it writes what is left, and the disk may be full
            self._file.close()
