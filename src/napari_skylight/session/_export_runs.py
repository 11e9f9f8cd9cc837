"""Copies of runs in a folder: their documents and their image files."""

from __future__ import annotations

import os
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future
from pathlib import Path

from napari_skylight.recording import ImageFile, RunImages, read_run_images

_BLOCK = 8 * 1024 * 1024  # bytes copied between looks at whether to stop
_PARTIAL = "The export to {} is not complete: {}."


class Exports:
    """Copies runs one after another, on the thread ``skylight-export``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: deque[tuple[Future[Path], Callable[[], Path]]] = deque()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def start(self, run_files: Iterable[Path], folder: Path) -> Future[Path]:
        """Copy run files, with what they name, to a new folder in `folder`; return its path.

        The future raises OSError if a file cannot be copied. Files that are gone are left out.
        """
        files = tuple(run_files)
        if not files:
            raise ValueError("The documents of this run were not stored: there are none.")
        future: Future[Path] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed.is_set():
                raise RuntimeError("The session is closed.")
            self._jobs.append((future, lambda: self._export(files, folder)))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="skylight-export", daemon=True
                )
                self._thread.start()
        return future

    def close(self, timeout: float) -> None:
        """Cancel all copies; wait for the end of the thread up to `timeout` seconds."""
        self._closed.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._thread = None
                    return
                future, work = self._jobs.popleft()
            try:
                done = work()
            except BaseException as error:  # noqa: BLE001 - the future raises it
                future.set_exception(error)
            else:
                future.set_result(done)

    def _export(self, files: tuple[Path, ...], folder: Path) -> Path:
        target = _new_folder(folder / files[0].stem)
        try:
            for file in files:
                self._copy(file, target / file.name)
                for path in _named_in(read_run_images(file)):
                    self._copy(path.source, target / path.name)
        except OSError as error:
            raise OSError(_PARTIAL.format(target, error)) from error
        return target

    def _copy(self, source: Path, target: Path) -> None:
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            for each in sorted(os.listdir(source)):
                self._copy(source / each, target / each)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as content, target.open("wb") as copy:
            while block := content.read(_BLOCK):
                if self._closed.is_set():
                    raise CancelledError
                copy.write(block)
        shutil.copystat(source, target)


class _Part:
    """A file or folder, and its path in the export."""

    def __init__(self, source: Path, name: Path) -> None:
        self.source = source
        self.name = name


def _named_in(images: RunImages) -> list[_Part]:
    """Return what has to be copied, each once."""
    found = {}
    for image in images.files:
        for part in _parts_of(image):
            found[part.source] = part
    return list(found.values())


def _parts_of(image: ImageFile) -> Iterable[_Part]:
    path = image.path
    store = next((each for each in (*reversed(path.parents), path) if each.suffix == ".zarr"), None)
    if store is not None:  # the path is that of an array in it
        return [_Part(store, Path(store.name))]
    if path.is_dir():  # only the files of this run
        return [_Part(each, Path(path.name, each.name)) for each in image.paths()]
    return [_Part(path, Path(path.name))]


def _new_folder(wanted: Path) -> Path:
    """Return a folder that was not there before."""
    number = 1
    folder = wanted
    while True:
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
            folder = wanted.with_name(f"{wanted.name} ({number})")
        else:
            return folder
