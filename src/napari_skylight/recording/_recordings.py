"""The recordings of a session: their recorders, their settings, and their files."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, cast

from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.frames import ChannelColours
from napari_skylight.recording._image_info import FileSettings, ImageInfo
from napari_skylight.recording._names import FileNames, NameValues
from napari_skylight.recording._queue import QUEUE_BYTES, QueueRoom
from napari_skylight.recording._recorder import FrameRecorder
from napari_skylight.recording._status import RecordingState, RecordingStatus
from napari_skylight.recording._writer import FrameWriter, check_libraries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from bluesky.protocols import HasName

    from napari_skylight.frames import Frame
    from napari_skylight.protocols import RecordingSettings
    from napari_skylight.recording._image_info import Compression, Format
    from napari_skylight.recording._recorder import Processing
    from napari_skylight.recording._writer_thread import Writer

_KEPT = 100  # recordings that are listed


class Recordings:
    """Makes the recorders of a session, and knows how far they are. Thread-safe.

    Parameters
    ----------
    queue_bytes : int
        Limit for the frames of all cameras that wait to be written, and for those that wait to be
        processed.

    Attributes
    ----------
    changed : Signal(RecordingStatus)
        Emitted with the new status of a recording, at least four times a second while it records,
        on any thread.
    failed : Signal(RecordingStatus)
        Emitted once when a recording ends by itself, of which its ``problem`` says why.
    settings_changed : Signal()
        Emitted after `names`, `file_settings` or `sample` was set.
    writer : callable
        Makes the writer of a file, as `FrameWriter` does.
    """

    changed = Signal(RecordingStatus)
    failed = Signal(RecordingStatus)
    settings_changed = Signal()

    def __init__(self, *, queue_bytes: int = QUEUE_BYTES) -> None:
        self._names = FileNames()
        self._file_settings = FileSettings()
        self._sample = ""
        self.writer: Callable[..., Writer] = FrameWriter
        self._room = QueueRoom(queue_bytes)
        # of frames to be processed: a slow process ends its own recording, not that of the camera
        self._processing_room = QueueRoom(queue_bytes)
        self._colours = ChannelColours()
        self._run: Mapping[str, Any] = {}
        self._lock = threading.Lock()
        self._recorders: list[FrameRecorder] = []
        self._last: list[FrameRecorder] = []

    @property
    def names(self) -> FileNames:
        """The template and the folder of recordings for which a plan gives none."""
        return self._names

    @names.setter
    def names(self, names: FileNames) -> None:
        self._names = names
        announce(self.settings_changed)

    @property
    def file_settings(self) -> FileSettings:
        """The format of recordings for which a plan gives none."""
        return self._file_settings

    @file_settings.setter
    def file_settings(self, settings: FileSettings) -> None:
        self._file_settings = settings
        announce(self.settings_changed)

    @property
    def sample(self) -> str:
        """A part of the files' names."""
        return self._sample

    @sample.setter
    def sample(self, sample: str) -> None:
        self._sample = sample
        announce(self.settings_changed)

    @property
    def queue_bytes(self) -> int:
        """Limit for the frames of all cameras that wait to be written."""
        return self._room.max_bytes

    @queue_bytes.setter
    def queue_bytes(self, nbytes: int) -> None:
        self._room.max_bytes = self._processing_room.max_bytes = nbytes

    @property
    def now(self) -> tuple[RecordingStatus, ...]:
        """The status of the recordings of this session, oldest first; of the last 100."""
        return self._statuses(self._recorders)

    @property
    def last(self) -> tuple[RecordingStatus, ...]:
        """The status of the recordings started together last, and of earlier ones not written."""
        return self._statuses(self._last)

    def _statuses(self, recorders: list[FrameRecorder]) -> tuple[RecordingStatus, ...]:
        with self._lock:
            prepared = [each for each in recorders if each.state is not RecordingState.READY]
        return tuple(each.status for each in prepared)

    def recorder(
        self, camera: HasName, channel: str = "", processing: Processing | None = None
    ) -> FrameRecorder:
        """Return a new recorder of the frames of `camera`, or of one channel of it."""
        room = self._room if processing is None else self._processing_room
        recorder = FrameRecorder(
            camera, channel, room, self, processing, self._on_changed, self._on_failed
        )
        with self._lock:
            self._recorders.append(recorder)
            unended = [each for each in self._last if each.state is not RecordingState.ENDED]
            if not unended or recorder.name in (each.name for each in self._last):
                self._last = unended
            self._last.append(recorder)
            ended = [each for each in self._recorders if not each.is_active]
            for each in ended[: max(0, len(self._recorders) - _KEPT)]:
                self._recorders.remove(each)
        return recorder

    def note_run(self, _name: str, start: Mapping[str, Any]) -> None:
        """Note the start document of the run that the next files belong to."""
        self._run = start

    def complete(self) -> None:
        """End every recording, which then writes the frames in its queue."""
        for recorder in self._active():
            recorder.complete()

    def close(self, timeout: float) -> None:
        """End every recording and its thread.

        Waits as long as frames are being written; frames that a disk does not take within `timeout`
        seconds are lost.
        """
        self.complete()
        for recorder in self._active():
            written, deadline = recorder.status.frames, time.monotonic() + timeout
            while not recorder.join(min(0.1, timeout)):
                now = recorder.status.frames
                if now != written:
                    written, deadline = now, time.monotonic() + timeout
                elif time.monotonic() > deadline:
                    recorder.abandon()
                    recorder.join(min(0.5, timeout))
                    break

    def _active(self) -> list[FrameRecorder]:
        with self._lock:
            return [each for each in self._recorders if each.is_active]

    def _on_changed(self, status: RecordingStatus) -> None:
        announce(self.changed, status)

    def _on_failed(self, status: RecordingStatus) -> None:
        announce(self.failed, status)

    # -- the files

    def check(self, settings: RecordingSettings) -> None:
        """Raise ValueError or ImportError if no file can be made with `settings`."""
        check_libraries(self._file_settings_of(settings))
        self._names_of(settings)

    def preview(
        self,
        camera: str,
        channel: str,
        settings: RecordingSettings,
        plan: str,
    ) -> Path:
        """Return the path of the next file; nothing is made.

        ``hhmmss`` stands for the time, which is that of the first frame. Reads the folder. Raises
        ValueError if there can be no such file, and OSError if the folder cannot be read.
        """
        names = self._names_of(settings)
        names = FileNames(names.template.replace("{time}", "hhmmss"), names.folder)
        values = NameValues(
            plan=plan, sample=self._sample_of(settings), camera=_shown(camera, channel)
        )
        return names.preview(self._file_settings_of(settings).suffix, values)

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
        file_settings = self._file_settings_of(settings)
        shown = _shown(camera, channel)
        values = NameValues(
            plan=self._run.get("plan_name", ""),
            sample=self._sample_of(settings),
            camera=shown,
            moment=frame.timestamp,
        )
        path = self._names_of(settings).claim(file_settings.suffix, values)
        info = ImageInfo.of_frame(
            frame,
            name=shown,
            colormap=self._colours.colormap(channel) if channel else "gray",
            count=settings.frames,
            run=self._run.get("uid", ""),
        )
        return self.writer(path, info, shape, dtype, file_settings)

    def _sample_of(self, settings: RecordingSettings) -> str:
        return self._sample if settings.sample is None else settings.sample

    def _names_of(self, settings: RecordingSettings) -> FileNames:
        return FileNames(settings.name or self.names.template, settings.folder or self.names.folder)

    def _file_settings_of(self, settings: RecordingSettings) -> FileSettings:
        ours = self.file_settings
        compression = settings.compression or ours.compression or "none"
        return FileSettings(  # which checks them
            format=cast("Format", settings.format or ours.format),
            backend=ours.backend,
            compression=None if compression == "none" else cast("Compression", compression),
        )


def _shown(camera: str, channel: str) -> str:
    return " ".join(part for part in (camera, channel) if part)
