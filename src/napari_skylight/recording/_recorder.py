"""A device that records the frames of one camera to one file."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from napari_skylight.engine import Status
from napari_skylight.frames import Frame
from napari_skylight.frames._frame import batch_from_reading
from napari_skylight.protocols import RecordingSettings, StashRefused
from napari_skylight.recording._asset_docs import AssetDocs
from napari_skylight.recording._file_errors import in_words
from napari_skylight.recording._intake import Intake
from napari_skylight.recording._queue import FrameQueue, Queued, QueueRoom
from napari_skylight.recording._status import RecordingState, RecordingStatus
from napari_skylight.recording._writer_thread import WriterThread

if TYPE_CHECKING:
    import numpy as np
    from bluesky.protocols import HasName, Reading, StreamAsset
    from event_model import DataKey
    from numpy.typing import NDArray

    from napari_skylight.recording._writer_thread import Writer

_log = logging.getLogger("napari_skylight")


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
        self._thread: WriterThread | None = None
        self._status = RecordingStatus(self._title, channel)
        self._ends: list[Status] = []  # of `complete`
        self._intake: Intake | None = None
        self._written = 0
        self._frame_nbytes = 0  # in the file
        self._docs: AssetDocs | None = None

    def __repr__(self) -> str:
        return f"<FrameRecorder {self.name!r} ({self._status.state})>"

    @property
    def status(self) -> RecordingStatus:
        """How far the recording is."""
        with self._status_lock:
            status, written = self._status, self._written
        taken = self._intake.taken if self._intake is not None else 0
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
    def state(self) -> RecordingState:
        """The state of the recording."""
        return self._status.state

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
        slow = "the disk is" if self._processing is None else "the process or the disk is"
        self._intake = Intake(self._queue, value, slow)
        self._status = replace(self._status, wanted=value.frames)
        return _ended()

    def kickoff(self) -> Status:
        """Start to take frames."""
        if self._settings is None:
            return _ended(RuntimeError(f"Prepare {self.name} before its kickoff."))
        if self._thread is None:
            self._set(state=RecordingState.RECORDING, started=time.time())
            name = f"skylight-record-{self._camera.name}"
            self._thread = WriterThread(name, self._queue, self)
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
            `values` has no image.
        """
        try:
            batch = batch_from_reading(values)
        except ValueError as error:
            return _ended(error)
        with self._lock:
            if not self.is_recording:
                return _ended(RecordingEnded(self.problem or f"{self.name} is not recording."))
            assert self._settings is not None
            assert self._intake is not None
            if problem := self._intake.take(batch):
                self._fail(problem)
                return _ended(RecordingEnded(self.problem))
            if self._intake.is_complete:
                self._stop_taking()
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
        return {} if self._docs is None else self._docs.read_configuration()

    def describe_configuration(self) -> dict[str, DataKey]:
        """Describe `read_configuration`."""
        return {} if self._docs is None else self._docs.describe_configuration(self.name)

    def join(self, seconds: float) -> bool:
        """Wait for the thread; return whether it has ended."""
        return self._thread is None or self._thread.join(seconds)

    def abandon(self) -> None:
        """Complete without the frames in the queue, which are lost."""
        with self._lock:
            self._fail("the program was closed before every frame was written.")
        self._queue.end()

    # -- with the lock

    def _stop_taking(self) -> None:
        if self.is_recording:
            self._set(state=RecordingState.WRITING)
            self._queue.wake()

    def _fail(self, reason: str, frames: int | None = None) -> None:
        """End the recording by itself; frames in the queue are still written."""
        if self._status.state is RecordingState.ENDED or self.problem:
            return
        taken = self._intake.taken if self._intake is not None else 0
        count = taken if frames is None else frames
        problem = (
            f"The recording of {self._title} ended after {count:,} "
            f"frame{'s' * (count != 1)}: {reason}"
        )
        self._set(problem=problem, state=RecordingState.WRITING)
        self._on_failed(self.status)
        self._queue.wake()

    def _set(self, **changes: Any) -> None:
        with self._status_lock:
            self._status = replace(self._status, **changes)
        self._on_changed(self.status)

    # -- on the writer's thread

    def _process(self, queued: Queued) -> Queued:
        processing = self._processing
        if processing is None:
            return queued
        try:
            pixels = processing.process(queued.pixels, queued.frame)
        except Exception as error:  # of any user's function: it ends this recording
            raise RuntimeError(f"its process failed: {error or type(error).__name__}") from error
        return Queued(pixels, replace(queued.frame, key=processing.key))

    def _open_file(self, first: Queued) -> Writer:
        assert self._settings is not None
        pixels, frame = first
        writer = self._files.open(
            self._title, self._channel, self._settings, frame, pixels.shape, pixels.dtype
        )
        self._frame_nbytes = pixels.nbytes
        self._docs = AssetDocs(writer.path, frame, pixels.shape, pixels.dtype)
        self._set(path=writer.path)
        return writer

    def _expects_frames(self) -> bool:
        with self._lock:  # not while a stash is queueing frames
            return self.is_recording

    def _on_written(self, frames: int) -> None:
        with self._status_lock:
            self._written = frames

    def _on_look(self, free_bytes: int | None) -> None:
        self._set(free_bytes=free_bytes)

    def _on_file_failed(self, error: Exception) -> None:
        _log.debug("%s cannot write.", self.name, exc_info=error)
        with self._lock:
            self._fail(in_words(error, self._status.path), self._written)

    def _on_file_closed(self) -> None:
        with self._lock:
            self._set(state=RecordingState.ENDED, ended=time.time())
            ends, self._ends = self._ends, []
        for status in ends:
            status.set_finished()


def _ended(error: Exception | None = None) -> Status:
    """Return a status that has succeeded, or failed with `error`."""
    status = Status()
    if error is None:
        status.set_finished()
    else:
        status.set_exception(error)
    return status
