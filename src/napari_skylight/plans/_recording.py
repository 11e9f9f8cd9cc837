"""Recorders in a plan: started, collected and ended between its frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from bluesky.preprocessors import rewindable_wrapper
from bluesky.protocols import Status
from bluesky.utils import FailedStatus, Msg, MsgGenerator, short_uid

from napari_skylight.protocols import (
    Camera,
    FrameCaches,
    FrameProcessor,
    Recorder,
    RecordingSettings,
    StashRefused,
)

Processors = Mapping[tuple[str, str], Sequence[FrameProcessor]]
"""By camera name and channel."""

Source = tuple[str, str] | FrameProcessor
"""Whose frames a file has: camera name and channel, or a processor."""

COLLECT_SECONDS = 1.0
"""Time between two documents about the frames written."""


class Recording:
    """Records cameras to files, one for each camera and channel.

    While `on`, frames are stashed in the `recorders`, by their source. It goes off, and `ended` is
    called, when no recorder takes frames any more.

    Parameters
    ----------
    free_running : collection of Camera
        Cameras that cannot be held back.
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        caches: FrameCaches,
        channels: Sequence[str],
        free_running: Collection[Camera],
        ended: Callable[[], None] = lambda: None,
        processors: Processors | None = None,
    ) -> None:
        self.on = False
        self.recorders: dict[Source, Recorder] = {}
        self.problems: list[str] = []
        self._cameras = cameras
        self._caches = caches
        self._channels = channels
        self._processors = processors or {}
        self._free_running = free_running
        self._ended = ended
        self._streams: dict[Recorder, _Stream] = {}
        self._names: set[str] = set()
        self._due = 0.0

    def start(self, settings: RecordingSettings) -> MsgGenerator[None]:
        """Start to record; raise `StashRefused` if there can be no such file."""
        self.recorders = {}
        processors = [each for several in self._processors.values() for each in several]
        if len(self._cameras) * len(self._channels) + len(processors) > 1:
            settings = settings.for_several()
        group = short_uid("record")
        try:
            for camera in self._cameras:
                waits = camera not in self._free_running
                for channel in self._channels:
                    for source, recorder in self._new_recorders(camera, channel):
                        self.recorders[source] = recorder
                        # a rewind may repeat these; a recorder takes them once
                        yield Msg("prepare", recorder, replace(settings, waits=waits), group=group)
                        yield Msg("wait", None, group=group)
                        yield Msg("kickoff", recorder, group=group)
                        yield Msg("wait", None, group=group)
        except FailedStatus as error:
            yield from self.end()
            if isinstance(error.__cause__, StashRefused):
                raise error.__cause__ from None
            raise
        self.on = True

    def _new_recorders(self, camera: Camera, channel: str) -> Iterator[tuple[Source, Recorder]]:
        key = camera.name, channel
        sources: list[tuple[Source, Recorder, str]] = [
            (key, self._caches.recorder(camera, channel), "-".join(filter(None, key))),
            *((each, each.recorder(), each.name) for each in self._processors.get(key, ())),
        ]
        for source, recorder, name in sources:
            self._streams[recorder] = _Stream(self._unused(f"recording-{name}"))
            yield source, recorder

    def target(self, source: Source) -> Recorder | None:
        """Return the recorder that takes the frames of a source, if one does."""
        recorder = self.recorders.get(source) if self.on else None
        return recorder if recorder is not None and recorder.is_recording else None

    def end(self) -> MsgGenerator[None]:
        """Take no more frames; those in the queues are still written."""
        was_on, self.on = self.on, False
        for recorder, stream in self._streams.items():
            if stream.completed is None:
                stream.completed = yield Msg("complete", recorder, group=stream.group)
        if was_on:
            self._ended()

    def collect(self) -> MsgGenerator[None]:
        """Make the documents of what was written, once a second; end if all recorders have."""
        if self.on and not any(each.is_recording for each in self.recorders.values()):
            yield from self.end()
        if not self._streams or time.monotonic() < self._due:
            return
        self._due = time.monotonic() + COLLECT_SECONDS
        for recorder in tuple(self._streams):
            yield from self._collect(recorder)

    def finish(self) -> MsgGenerator[None]:
        """End, wait until every file is closed, and make the remaining documents."""
        yield from self.end()
        for recorder, stream in tuple(self._streams.items()):
            yield Msg("wait", None, group=stream.group)
            yield from self._collect(recorder)

    def _collect(self, recorder: Recorder) -> MsgGenerator[None]:
        stream = self._streams[recorder]
        is_closed = stream.completed is not None and stream.completed.done
        if recorder.get_index():
            # documents are made once: nothing here may be repeated by a rewind
            yield from rewindable_wrapper(stream.collect(recorder), False)
        if is_closed:
            if recorder.problem:
                self.problems.append(recorder.problem)
            self._streams.pop(recorder, None)

    def _unused(self, first: str) -> str:
        """Return the name of a stream: a file has one of its own."""
        name, number = first, 1
        while name in self._names:
            number += 1
            name = f"{first}-{number}"
        self._names.add(name)
        return name


class _Stream:
    """The stream of documents of one recorder."""

    def __init__(self, name: str) -> None:
        self.completed: Status | None = None
        self.group = short_uid("complete")
        self._name = name
        self._declared = False

    def collect(self, recorder: Recorder) -> MsgGenerator[None]:
        while not self._declared:  # a pause may answer with None
            answer = yield Msg("declare_stream", None, recorder, name=self._name, collect=True)
            self._declared = answer is not None
        yield Msg("collect", recorder, return_payload=False, name=self._name)
