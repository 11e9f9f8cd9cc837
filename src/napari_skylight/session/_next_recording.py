"""Where the next recording goes."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.protocols import RecordingSettings
from napari_skylight.recording import Recordings
from napari_skylight.session._coalescing_task import CoalescingTask


@dataclass(frozen=True)
class NextFile:
    """The next file, and the room on its disk."""

    path: Path | None = None
    folder: Path | None = None
    """The part of `path` that a template has not made."""
    free_bytes: int | None = None
    problem: str = ""
    """Why there can be no such file, and what to do."""


@dataclass(frozen=True)
class _Question:
    camera: str
    channel: str
    settings: RecordingSettings
    plan: str


class NextRecording:
    """Looks up where the next recording goes, on a thread: a folder may be on a slow disk.

    Attributes
    ----------
    now : NextFile or None
        The last answer.
    """

    changed = Signal()
    """There is another answer."""

    def __init__(self, recordings: Recordings) -> None:
        self.now: NextFile | None = None
        self._recordings = recordings
        self._lock = threading.Lock()
        self._question: _Question | None = None
        self._looking = CoalescingTask("skylight-next-recording", self._look)

    def ask(self, camera: str, channel: str, settings: RecordingSettings, plan: str) -> None:
        """Look up the next file of a camera; calls made meanwhile are coalesced into one."""
        with self._lock:
            self._question = _Question(camera, channel, settings, plan)
        self._looking.ask()

    def _look(self) -> None:
        with self._lock:
            question = self._question
        if question is not None:
            self.now = _answer(self._recordings, question)
            announce(self.changed)


def _answer(recordings: Recordings, question: _Question) -> NextFile:
    settings = question.settings
    try:
        path = recordings.preview(question.camera, question.channel, settings, question.plan)
        folder = settings.folder or recordings.names.folder
        return NextFile(path, folder, free_bytes(folder))
    except (ValueError, OSError) as error:
        return NextFile(problem=str(error))


def free_bytes(folder: Path) -> int:
    """Return the bytes free on the disk of `folder`, which need not exist; OSError if it fails."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
