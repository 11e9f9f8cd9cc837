"""Stacks that are saved to files, on a thread."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Lock, Thread

from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.frames import CacheStore, ChannelColours
from napari_skylight.recording import (
    FileNames,
    FileSettings,
    ImageInfo,
    NameValues,
    Recordings,
    remove_image,
    save_image,
)
from napari_skylight.session._run_history import KeptImages, RunHistory, RunRecord

_log = logging.getLogger("napari_skylight")

_PERIOD = 0.1  # seconds between announcements


@dataclass(frozen=True)
class ImageLook:
    """How an image is shown.

    `colormap` is napari's name, and `colour` its brightest colour as six hexadecimal digits;
    without a name, those of its channel.
    """

    colormap: str = ""
    colour: str = ""
    contrast_limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class SaveProgress:
    """How far a save is, in frames."""

    path: Path
    done: int
    total: int


class SaveCancelled(Exception):  # noqa: N818 - as SetCancelled
    """A save was cancelled; its file is deleted."""


Looks = Mapping[tuple[str, str], ImageLook]
"""How images are shown, by the name of the cache and the image key."""


class Saves:
    """Saves images one after another, on a thread that ends with the last.

    Names, format and sample are those of `recordings`, unless others are given.

    Attributes
    ----------
    progress : SaveProgress or None
        How far the present save is.
    saved : tuple of Path
        The files of the last save that was completed.
    """

    changed = Signal()
    """A save has begun, gone on (a few times a second) or ended."""

    def __init__(
        self,
        caches: CacheStore,
        runs: RunHistory,
        recordings: Recordings,
        report: Callable[[BaseException], None],
    ) -> None:
        self.progress: SaveProgress | None = None
        self.saved: tuple[Path, ...] = ()
        self._caches = caches
        self._runs = runs
        self._recordings = recordings
        self._report = report
        self._lock = Lock()
        self._jobs: deque[_Job] = deque()
        self._running: _Job | None = None
        self._cancelled = Event()
        self._closing = Event()

    def kept(self) -> list[KeptImages]:
        """Return the frames in all stacks; nothing is copied."""
        return list(_kept(self._caches))

    def start(
        self,
        images: Iterable[KeptImages] | None,
        names: FileNames | None,
        settings: FileSettings | None,
        sample: str | None,
        looks: Looks | None,
    ) -> Future[tuple[Path, ...]]:
        """Save `images`; see `Session.save`."""
        images = self.kept() if images is None else list(images)
        if not images:
            raise ValueError("There are no frames to save: take a snapshot or stash frames first.")
        records = tuple(self._runs)
        todo = [_Image(each, _info_of(each, records, looks or {})) for each in images]
        ours = self._recordings
        sample = ours.sample if sample is None else sample
        job = _Job(todo, names or ours.names, settings or ours.file_settings, sample, self._plan)
        with self._lock:
            if self._closing.is_set():
                raise RuntimeError("The session is closed.")
            if self._running is None:
                self._running = job
                Thread(target=self._run, args=(job,), name="skylight-save", daemon=True).start()
            else:
                self._jobs.append(job)
        return job.future

    def preview(
        self, image: KeptImages, names: FileNames, settings: FileSettings, sample: str
    ) -> Path:
        """Return the path that `image` would be saved to now."""
        return names.preview(settings.suffix, _values_of(image, self._plan, sample))

    @property
    def _plan(self) -> str:
        """The name of the last plan."""
        return next((each.run.plan for each in self._runs), "")

    def cancel(self) -> None:
        """Cancel all saves; the file being written is deleted."""
        with self._lock:
            self._give_up_waiting("The save was cancelled.")
            if self._running is not None:
                self._cancelled.set()

    def close(self, timeout: float) -> None:
        """End the saves: the file being written is closed with the frames so far."""
        with self._lock:
            self._closing.set()
            self._give_up_waiting("The session was closed before the save began.")
            running = self._running
        if running is not None:
            wait_for_futures([running.future], timeout)

    def _give_up_waiting(self, reason: str) -> None:
        for job in self._jobs:
            job.future.set_exception(SaveCancelled(reason))
        self._jobs.clear()

    def _run(self, job: _Job | None) -> None:
        while job is not None:
            try:
                done = self._save(job)
            except SaveCancelled as error:
                job.future.set_exception(error)
            except BaseException as error:  # noqa: BLE001 - reported, and the future raises it
                self._report(error)
                job.future.set_exception(error)
            else:
                self.saved = done
                job.future.set_result(done)
            with self._lock:
                job = self._running = self._jobs.popleft() if self._jobs else None
                self._cancelled.clear()
                if job is None:
                    self.progress = None
        announce(self.changed)

    def _save(self, job: _Job) -> tuple[Path, ...]:
        total = sum(len(each.kept.frames) for each in job.images)
        done = 0
        paths: list[Path] = []
        for image in job.images:
            values = _values_of(image.kept, job.plan, job.sample)
            path = job.names.claim(job.settings.suffix, values)
            paths.append(path)
            step = _Steps(self, path, done, total)
            kept = image.kept
            save_image(path, image.info, kept.data, kept.frames, job.settings, step.go_on)
            if self._cancelled.is_set():
                remove_image(path)
                raise SaveCancelled("The save was cancelled.")
            done = step.done
            if self._closing.is_set() and done < total:
                _log.warning(
                    "The session was closed: %d of %d frames are saved, the last in %s.",
                    done,
                    total,
                    path,
                )
                break
            _log.info("Saved %d frames to %s.", len(kept.frames), path)
        return tuple(paths)

    @property
    def _ends(self) -> bool:
        return self._cancelled.is_set() or self._closing.is_set()


class _Steps:
    """Announces how far a file is, a few times a second."""

    def __init__(self, saves: Saves, path: Path, done: int, total: int) -> None:
        self.done = done
        self._saves = saves
        self._path = path
        self._total = total
        self._due = 0.0
        self._show()

    def go_on(self) -> bool:
        self.done += 1
        if time.monotonic() >= self._due:
            self._show()
        return not self._saves._ends

    def _show(self) -> None:
        self._due = time.monotonic() + _PERIOD
        self._saves.progress = SaveProgress(self._path, self.done, self._total)
        announce(self._saves.changed)


@dataclass(frozen=True)
class _Image:
    kept: KeptImages
    info: ImageInfo


class _Job:
    def __init__(
        self,
        images: list[_Image],
        names: FileNames,
        settings: FileSettings,
        sample: str,
        plan: str,
    ) -> None:
        self.images = images
        self.names = names
        self.settings = settings
        self.sample = sample
        self.plan = plan
        self.future: Future[tuple[Path, ...]] = Future()
        self.future.set_running_or_notify_cancel()


def _values_of(image: KeptImages, plan: str, sample: str) -> NameValues:
    return NameValues(plan=plan, sample=sample, camera=image.cache.title)


def _kept(caches: CacheStore) -> Iterator[KeptImages]:
    for cache in caches:
        if cache.kind == "stack":
            reader = cache.reader()
            for key in cache.keys:
                taken = reader.take(key)
                if taken is not None and taken.frames:
                    yield KeptImages(cache, key, taken.data, taken.frames)


def _info_of(kept: KeptImages, records: Sequence[RunRecord], looks: Looks) -> ImageInfo:
    """Return what a file says about the frames."""
    cache = kept.cache
    look = looks.get((cache.name, kept.key), ImageLook())
    colormap = look.colormap
    if not colormap:
        colormap = ChannelColours().colormap(cache.channel) if cache.channel else "gray"
    first, last = kept.frames[0].number, kept.frames[-1].number
    runs = [
        uid
        for record in reversed(records)
        for part in record.stacks
        if (part.cache, part.key) == (cache.name, kept.key)
        and part.first <= last
        and part.last >= first
        for uid in record.run.uids
    ]
    info = ImageInfo.of_frame(
        kept.frames[0],
        name=cache.title if kept.key in cache.title else f"{cache.title} · {kept.key}",
        colormap=colormap,
        count=len(kept.frames),
        runs=tuple(runs),
        contrast_limits=look.contrast_limits,
    )
    return replace(info, colour=look.colour) if look.colour else info
