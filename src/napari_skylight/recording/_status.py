"""The status of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class RecordingState(StrEnum):
    """The state of a recording."""

    READY = "ready"
    RECORDING = "recording"
    WRITING = "writing"
    """It takes no more frames, and writes those in the queue."""
    ENDED = "ended"
    """The file is closed."""


@dataclass(frozen=True)
class RecordingStatus:
    """How far a recording is."""

    camera: str
    channel: str = ""
    state: RecordingState = RecordingState.READY
    path: Path | None = None
    """The file, made with the first frame."""
    frames: int = 0
    """Frames written."""
    nbytes: int = 0
    """Bytes of their pixels, before compression."""
    wanted: int | None = None
    """The number of frames after which it ends."""
    queued: int = 0
    """Frames that wait to be written."""
    queued_bytes: int = 0
    """Bytes in the queues of all recorders."""
    queue_bytes: int = 0
    """The limit for `queued_bytes`."""
    lost: int = 0
    """Frames that were taken, but could not be written."""
    free_bytes: int | None = None
    """Bytes free on the disk, as far as known."""
    started: float = 0.0
    """In seconds since the epoch, as `ended`."""
    seconds: float = 0.0
    """Time from the start to now or to the end."""
    ended: float | None = None
    problem: str = ""
    """Why it ended by itself, and what to do."""
