"""The thread that writes the frames of a queue to a file."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_skylight.frames import Frame
    from napari_skylight.recording._queue import FrameQueue, Queued

PERIOD = 0.25
"""Seconds between two looks at the disk."""


class Writer(Protocol):
    """Writes frames to a file, as `FrameWriter` does."""

    path: Path

    @property
    def durable(self) -> int:
        """The number of frames, from the first, that are in the file whatever happens next."""

    def append(self, pixels: NDArray[Any], frame: Frame | None = None) -> int:
        """Write a frame; then `pixels` may be changed."""

    def close(self) -> None:
        """Close the file."""


class Owner(Protocol):
    """What the thread asks and tells, on the thread."""

    def _process(self, queued: Queued) -> Queued:
        """Return what is written in place of a frame."""

    def _open_file(self, first: Queued) -> Writer:
        """Make the file, for images such as the first."""

    def _on_written(self, frames: int) -> None:
        """Take the number of frames in the file."""

    def _on_look(self, free_bytes: int | None) -> None:
        """Take the bytes free on the disk, four times a second."""

    def _on_file_failed(self, error: Exception) -> None:
        """The file cannot be written; called for each problem."""

    def _on_file_closed(self) -> None:
        """The thread ends."""

    def _expects_frames(self) -> bool:
        """Return whether frames may come, when the queue is empty."""


class WriterThread:
    """Writes the frames of `queue` until no more are expected, and closes the file.

    The file is made with the first frame. Whatever goes wrong with it ends the queue, too.
    """

    def __init__(self, name: str, queue: FrameQueue, owner: Owner) -> None:
        self._queue = queue
        self._owner = owner
        self._writer: Writer | None = None
        self._looked = 0.0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for its end; return whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while (queued := self._next()) is not None:
                self._append(queued)
        except Exception as error:  # noqa: BLE001 - of any library or disk: it ends this file only
            self._fail(error)
        finally:
            self._queue.end()
            self._close()
            self._owner._on_file_closed()

    def _fail(self, error: Exception) -> None:
        if self._writer is not None:
            self._owner._on_written(self._writer.durable)
        self._owner._on_file_failed(error)

    def _next(self) -> Queued | None:
        """Return the next frame, or None when all are written and no more are expected."""
        while True:
            queued = self._queue.take(PERIOD)
            self._look()
            if queued is not None:
                return queued
            if not self._owner._expects_frames() and not len(self._queue):
                return None

    def _append(self, queued: Queued) -> None:
        image = self._owner._process(queued)
        if self._writer is None:
            self._writer = self._owner._open_file(image)
        self._writer.append(image.pixels, image.frame)
        self._owner._on_written(self._writer.durable)
        self._queue.release(queued)

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._looked + PERIOD:
            return
        self._looked = now
        free = None
        if self._writer is not None:
            _check_file(self._writer.path)
            free = shutil.disk_usage(self._writer.path.parent).free
        self._owner._on_look(free)

    def _close(self) -> None:
        """Close the file, whatever happened before."""
        if self._writer is None:
            return
        path = self._writer.path
        try:
            _check_file(path)
        except OSError as error:
            self._fail(error)
            if path.is_dir():  # made again by the library: it is not the image that was there
                shutil.rmtree(path, ignore_errors=True)
        try:
            self._writer.close()
        except Exception as error:  # noqa: BLE001 - of any library or disk, as in `_run`
            self._fail(error)
        self._owner._on_written(self._writer.durable)


def _check_file(path: Path) -> None:
    """Raise FileNotFoundError if the file was removed: libraries would go on writing."""
    (path / "zarr.json" if path.suffix == ".zarr" else path).stat()
