"""A device that records the frames of one camera to one file."""

from __future__ import annotations

import errno
import logging
import math
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from napari_skylight.engine import Status
from napari_skylight.frames import Frame
from napari_skylight.frames._frame import Batch, Images, batch_from_reading, sizes
from napari_skylight.protocols import RecordingSettings, StashRefused
from napari_skylight.recording._asset_docs import AssetDocs
from napari_skylight.recording._queue import FrameQueue, Queued, QueueRoom
from napari_skylight.recording._status import RecordingState, RecordingStatus

if TYPE_CHECKING:
    import numpy as np
    from bluesky.protocols import HasName, Reading, StreamAsset
    from event_model import DataKey
    from event_model.documents.event_descriptor import Dtype
    from numpy.typing import NDArray

_log = logging.getLogger("napari_skylight")

_NO_SPACE = 1_000_000  # bytes left on a disk that is full
_PERIOD = 0.25  # seconds between two statuses, and between two looks at the disk


class Writer(Protocol):
    """Writes frames to a file, as `FrameWriter` does."""

    path: Path

    def append(self, pixels: NDArray[Any], frame: Frame | None = None) -> int:
        """Write a frame; then `pixels` may be changed."""

    def close(self) -> None:
        """Close the file."""


class Files(Protocol):
    """Makes the files of recordings."""

    def check(self, settings: RecordingSettings) -> None:
        """Raise ValueError or ImportError if no file can be made with `settings`."""

    def open(
        self,
        camera: str,
        channel: str,
        settings: RecordingSettings,
        frame: Frame,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> Writer:
        """Make a file for frames of `shape` and `dtype`, of which `frame` is the first."""


class Processing(NamedTuple):
    """What a recorder does with each frame before it writes it."""

    name: str
    key: str
    """The image key of the results."""
    process: Callable[[NDArray[Any], Frame], NDArray[Any]]
    """Processes a frame, which may be changed when it returns."""


class RecordingEnded(StashRefused):
    """A recording ended by itself, or takes no frames; the message says why."""


class FrameRecorder:
    """Records the frames of `camera` to one file; see `protocols.Recorder`.

    A stash copies its frames to the queue; a thread, from ``kickoff`` to the end, writes them. If
    the disk or the queue fails, the recording ends: the frames written so far are in the file.

    Parameters
    ----------
    camera : HasName
    channel : str
        Empty for none or any.
    room : QueueRoom
        Shared by all recorders.
    files : Files
    processing : Processing, optional
        Writes what it makes of the frames, in their place.
    on_changed, on_failed : callable
        Called with each new status, and once with that of a `problem`; on any thread.
    """

    parent = None

    def __init__(
        self,
        camera: HasName,
        channel: str,
        room: QueueRoom,
        files: Files,
        processing: Processing | None = None,
        on_changed: Callable[[RecordingStatus], None] = lambda status: None,
        on_failed: Callable[[RecordingStatus], None] = lambda status: None,
    ) -> None:
        self._processing = processing
        self._title = camera.name if processing is None else f"{camera.name} · {processing.name}"
        self.name = "-".join(part for part in (self._title, channel, "recorder") if part)
        self._camera = camera
        self._channel = channel
        self._room = room
        self._files = files
        self._on_changed = on_changed
        self._on_failed = on_failed
        self._queue = FrameQueue(room)
        self._lock = threading.RLock()  # held while a stash copies its frames
        self._status_lock = threading.Lock()  # held for a few statements
        self._settings: RecordingSettings | None = None
        self._thread: threading.Thread | None = None
        self._status = RecordingStatus(self._title, channel)
        self._ends: list[Status] = []  # of `complete`
        self._first: _First | None = None
        self._taken = 0
        self._written = 0
        self._frame_nbytes = 0  # in the file
        self._dropped: int | None = None
        self._writer: Writer | None = None
        self._docs: AssetDocs | None = None
        self._looked = 0.0

    def __repr__(self) -> str:
        return f"<FrameRecorder {self.name!r} ({self._status.state})>"

    @property
    def status(self) -> RecordingStatus:
        """How far the recording is."""
        with self._status_lock:
            status, written, taken = self._status, self._written, self._taken
        has_ended = status.state is RecordingState.ENDED
        until = status.ended if status.ended is not None else time.time()
        return replace(
            status,
            frames=written,
            nbytes=written * self._frame_nbytes,
            queued=0 if has_ended else taken - written,
            lost=taken - written if has_ended else 0,
            queued_bytes=self._room.used,
            queue_bytes=self._room.max_bytes,
            seconds=until - status.started if status.started else 0.0,
        )

    @property
    def is_recording(self) -> bool:
        """Whether it takes frames."""
        return self._status.state is RecordingState.RECORDING

    @property
    def is_active(self) -> bool:
        """Whether its thread takes or writes frames."""
        return self._status.state in (RecordingState.RECORDING, RecordingState.WRITING)

    @property
    def problem(self) -> str:
        """Why the recording ended by itself, and what to do; otherwise empty."""
        return self._status.problem

    # -- the device

    def prepare(self, value: RecordingSettings) -> Status:
        """Take the settings; the status fails if there can be no such file."""
        if self._settings is not None:  # repeated after a pause
            return _ended()
        try:
            if value.frames is not None and value.frames < 1:
                raise ValueError(f"A recording has at least 1 frame, not {value.frames}.")
            self._files.check(value)
        except (ValueError, ImportError) as error:
            self._set(state=RecordingState.ENDED, problem=str(error), ended=time.time())
            self._on_failed(self.status)
            return _ended(RecordingEnded(str(error)))
        self._settings = value
        self._status = replace(self._status, wanted=value.frames)
        return _ended()

    def kickoff(self) -> Status:
        """Start to take frames."""
        if self._settings is None:
            return _ended(RuntimeError(f"Prepare {self.name} before its kickoff."))
        if self._thread is None:
            self._set(state=RecordingState.RECORDING, started=time.time())
            self._thread = threading.Thread(
                target=self._write, name=f"skylight-record-{self._camera.name}", daemon=True
            )
            self._thread.start()
        return _ended()

    def stash(self, values: dict[str, Reading[Any]]) -> Status:
        """Queue a copy of each frame in `values`, and the other values as their metadata.

        Parameters
        ----------
        values : dict of str to Reading
            As for `FrameCache.stash`, with one image.

        Returns
        -------
        Status
            Ends when there is room for more frames, or at once if the recording does not wait for
            it. Fails with `RecordingEnded` if a frame was not taken, and with ValueError if
            `values` has no image, or several.
        """
        try:
            batch = batch_from_reading(values)
            if len(batch.images) > 1:
                raise ValueError(
                    f"{self._camera.name} has several images ({', '.join(batch.images)}); "
                    "a recording is of one."
                )
        except ValueError as error:
            return _ended(error)
        with self._lock:
            if not self.is_recording:
                return _ended(RecordingEnded(self.problem or f"{self.name} is not recording."))
            self._take(batch)
            if self.problem:
                return _ended(RecordingEnded(self.problem))
            assert self._settings is not None
            return self._room.has_room() if self._settings.waits else _ended()

    def clear(self) -> Status:
        """Fail: what is recorded stays in the file."""
        return _ended(RecordingEnded("What is recorded stays in its file; delete the file."))

    def complete(self) -> Status:
        """Take no more frames; the status ends when the file is closed."""
        with self._lock:
            status = Status()
            if self._thread is None or self._status.state is RecordingState.ENDED:
                if self._status.state is not RecordingState.ENDED:
                    self._set(state=RecordingState.ENDED)
                status.set_finished()
            else:
                self._ends.append(status)
                self._stop_taking()
            return status

    def describe_collect(self) -> dict[str, DataKey]:
        """Describe the image, when there is one to collect."""
        if self._docs is None:
            raise RuntimeError(f"{self.name} has no frame yet: describe it when it has an index.")
        return self._docs.describe(self._written)

    def collect_asset_docs(self, index: int | None = None) -> Iterator[StreamAsset]:
        """Yield a document of the file, and one of the frames written since the last call."""
        if self._docs is not None:
            upto = self.get_index()
            upto = upto if index is None else min(index, upto)
            yield from self._docs.collect(upto, self._written)

    def get_index(self) -> int:
        """Return the number of data points that can be collected."""
        if self._docs is None:
            return 0
        return self._docs.index(self._written, self._status.state is RecordingState.ENDED)

    def read_configuration(self) -> dict[str, Reading[Any]]:
        """Return what was read with the first frame."""
        if self._first is None:
            return {}
        frame = self._first.frame
        return {
            key: {"value": value, "timestamp": frame.timestamp}
            for key, value in frame.metadata.items()
            if isinstance(value, (bool, int, float, str))
        }

    def describe_configuration(self) -> dict[str, DataKey]:
        """Describe `read_configuration`."""
        return {
            key: {"source": self.name, "dtype": _dtype(reading["value"]), "shape": []}
            for key, reading in self.read_configuration().items()
        }

    def join(self, seconds: float) -> bool:
        """Wait for the thread; return whether it has ended."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def abandon(self) -> None:
        """Complete without the frames in the queue, which are lost."""
        with self._lock:
            self._fail("the program was closed before every frame was written.")
        self._queue.end()

    # -- on the thread that stashes, with the lock

    def _take(self, batch: Batch) -> None:
        """Queue the frames of `batch`, up to the first that cannot be kept."""
        assert self._settings is not None
        (key, images), *_ = batch.images.items()
        if problem := self._misfit(key, images, batch):
            self._fail(problem)
            return
        pixels = images.pixels.astype(images.dtype, copy=False)
        for place in range(batch.length):
            number = self._taken + 1
            frame = Frame(key, number, images.taken(place), batch.metadata)
            if self._first is None:
                self._first = _First(images.shape, images.dtype, frame)
            if not self._queue.put(pixels[place], frame, force=self._settings.waits):
                self._fail(
                    f"{self._slow} slower than the camera, and the queue of "
                    f"{self._room.max_bytes / 1e6:,.4g} MB is full. Record fewer or smaller frames "
                    "a second, or raise the size of the queue in Preferences."
                )
                return
            with self._status_lock:
                self._taken = number
            if number == self._settings.frames:
                self._stop_taking()
                return

    def _misfit(self, key: str, images: Images, batch: Batch) -> str:
        """Return why frames cannot follow those before, or an empty text."""
        dropped = batch.metadata.get(f"{key}-dropped")
        if isinstance(dropped, int):
            before, self._dropped = self._dropped, dropped
            if before is not None and dropped > before:
                count = dropped - before
                return (
                    f"the camera lost {count} frame{'s' * (count != 1)}: it makes them faster than "
                    "they are collected. Expose longer, or read a smaller part of the sensor."
                )
        if self._first is not None:
            first = self._first
            if key != first.frame.key or (images.shape, images.dtype) != (first.shape, first.dtype):
                return (
                    f"its frames changed from {sizes(first.shape, first.dtype)} to "
                    f"{sizes(images.shape, images.dtype)}. Start another recording for them."
                )
        return ""

    @property
    def _slow(self) -> str:
        return "the disk is" if self._processing is None else "the process or the disk is"

    def _stop_taking(self) -> None:
        if self.is_recording:
            self._set(state=RecordingState.WRITING)
            self._queue.wake()

    def _fail(self, reason: str, frames: int | None = None) -> None:
        """End the recording by itself; frames in the queue are still written."""
        if self._status.state is RecordingState.ENDED or self.problem:
            return
        count = self._taken if frames is None else frames
        problem = (
            f"The recording of {self._title} ended after {count} "
            f"frame{'s' * (count != 1)}: {reason}"
        )
        self._set(problem=problem, state=RecordingState.WRITING)
        self._on_failed(self.status)
        self._queue.wake()

    # -- on the writer's thread

    def _write(self) -> None:
        """Write frames until the recording ends, then close the file."""
        try:
            while (queued := self._next()) is not None:
                self._append(queued)
        except Exception as error:  # noqa: BLE001 - of any library or disk: it ends this recording
            self._end_with(error)
        finally:
            self._close()

    def _next(self) -> Queued | None:
        """Return the next frame, or None when all are written and no more are taken."""
        while True:
            queued = self._queue.take(_PERIOD)
            self._look()
            if queued is not None:
                return queued
            with self._lock:
                if not self.is_recording and not len(self._queue):
                    return None

    def _append(self, queued: Queued) -> None:
        pixels, frame = queued
        if self._processing is not None:
            pixels, frame = _processed(queued, self._processing)
        if self._writer is None:
            assert self._settings is not None
            self._writer = self._files.open(
                self._title, self._channel, self._settings, frame, pixels.shape, pixels.dtype
            )
            self._docs = AssetDocs(self._writer.path, frame.key, pixels.shape, pixels.dtype)
            self._frame_nbytes = pixels.nbytes
            self._set(path=self._writer.path)
        self._writer.append(pixels, frame)
        with self._status_lock:
            self._written += 1
        self._queue.release(queued)

    def _look(self) -> None:
        """Look at the disk and announce the status, every `_PERIOD`."""
        now = time.monotonic()
        if now < self._looked + _PERIOD:
            return
        self._looked = now
        free = None
        if self._writer is not None:
            self._check_file(self._writer.path)
            free = shutil.disk_usage(self._writer.path.parent).free
        self._set(free_bytes=free)

    def _check_file(self, path: Path) -> None:
        """Raise FileNotFoundError if the file was removed: the libraries would go on writing."""
        (path / "zarr.json" if path.is_dir() or path.suffix == ".zarr" else path).stat()

    def _end_with(self, error: Exception) -> None:
        """End the recording, because its file cannot be written."""
        _log.debug("%s cannot write.", self.name, exc_info=error)
        with self._lock:
            self._fail(_words(error, self._status.path), self._written)
        self._queue.end()

    def _close(self) -> None:
        """Close the file, whatever happened before, and end every `complete`."""
        if self._writer is not None:
            path = self._writer.path
            try:
                self._check_file(path)
            except OSError as error:
                self._end_with(error)
                if path.is_dir():  # made again by the library: it is not the image that was there
                    shutil.rmtree(path, ignore_errors=True)
            try:
                self._writer.close()
            except Exception as error:  # noqa: BLE001 - of any library or disk, as in `_write`
                self._end_with(error)
        self._queue.end()
        with self._lock:
            self._set(state=RecordingState.ENDED, ended=time.time())
            ends, self._ends = self._ends, []
        for status in ends:
            status.set_finished()

    def _set(self, **changes: Any) -> None:
        with self._status_lock:
            self._status = replace(self._status, **changes)
        self._on_changed(self.status)


def _processed(queued: Queued, processing: Processing) -> Queued:
    try:
        pixels = processing.process(queued.pixels, queued.frame)
    except Exception as error:  # of any user's function: it ends this recording
        raise RuntimeError(f"its process failed: {error or type(error).__name__}") from error
    return Queued(pixels, replace(queued.frame, key=processing.key))


class _First(NamedTuple):
    """What the first frame says about the others."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    frame: Frame

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def _ended(error: Exception | None = None) -> Status:
    """Return a status that has succeeded, or failed with `error`."""
    status = Status()
    if error is None:
        status.set_finished()
    else:
        status.set_exception(error)
    return status


def _dtype(value: Any) -> Dtype:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "integer" if isinstance(value, int) else "number"


def _is_full(error: Exception, path: Path | None) -> bool:
    """Return whether there was no space; numpy and tensorstore raise errors without a number."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    if os.strerror(errno.ENOSPC) in str(error):
        return True
    return path is not None and shutil.disk_usage(path.parent).free < _NO_SPACE


def _words(error: Exception, path: Path | None) -> str:
    """Return why a file cannot be written, and what to do."""
    number = error.errno if isinstance(error, OSError) else None
    text = str(error) or type(error).__name__
    if _is_full(error, path):
        return "the disk is full. Free some space, or choose a folder on another disk."
    if number in (errno.ENOENT, errno.ENOTDIR, errno.EIO, errno.ESTALE, errno.ENODEV):
        name = path or getattr(error, "filename", None) or "its file"
        return f"{name} is gone. Was its folder removed, or its disk unplugged?"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        name = getattr(error, "filename", None) or path or "its folder"
        return f"{name} cannot be written. Choose another folder."
    return f"{text.rstrip('.')}."
