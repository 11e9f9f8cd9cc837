"""The loop of the live view: take frames, stash them, answer the actions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any, Literal, NamedTuple

from bluesky.protocols import Readable, Status
from bluesky.utils import Msg, MsgGenerator, short_uid

from napari_skylight.engine import plan_stubs
from napari_skylight.engine.actions import Action, SRLatch
from napari_skylight.plans._acquisition import Illumination, Readings
from napari_skylight.plans._recording import Processors, Recording
from napari_skylight.plans._stash_queue import StashQueue, image_time, unless_refused
from napari_skylight.protocols import (
    Camera,
    FrameBatch,
    FrameCaches,
    RecordingSettings,
    StreamingCamera,
)

STREAM_SECONDS = 0.01
"""Time between collections from streaming cameras, unless an action is requested."""

EXPOSURE_SECONDS = 10.0
"""Time during which actions are answered while a frame is exposed; then only it is awaited."""

_EXPOSED = ""  # the name of the exposure among those of the actions


class Exposures:
    """Triggers several cameras at once, one frame each; `done` is set when all are ready."""

    def __init__(self, cameras: Sequence[Camera]) -> None:
        self._cameras = cameras
        self._group = ""
        self.done = SRLatch()

    @property
    def pending(self) -> bool:
        """Whether triggered frames were not read yet."""
        return bool(self._group)

    def begin(self) -> MsgGenerator[None]:
        if not self._cameras:
            return
        # Plain messages: each of bluesky's stubs formats a stack trace.
        self.done.reset()
        self._group = short_uid("trigger")
        statuses: list[Status] = []
        for camera in self._cameras:
            status = yield Msg("trigger", camera, group=self._group)
            if status is not None:
                statuses.append(status)

        def on_done(_status: Status) -> None:
            if all(status.done for status in statuses):
                self.done.set()

        for status in statuses:
            status.add_callback(on_done)
        if not statuses:
            self.done.set()

    def complete(self) -> MsgGenerator[Sequence[Camera]]:
        """Wait for the triggered frames; return the cameras to read."""
        if not self._group:
            return ()
        yield Msg("wait", None, group=self._group)
        self._group = ""
        return self._cameras

    def finish(self) -> MsgGenerator[list[tuple[Camera, Readings]]]:
        """Wait for the triggered frames; return each camera with its reading, without an event."""
        taken = []
        for camera in (yield from self.complete()):
            reading = yield Msg("read", camera)
            taken.append((camera, reading))
        return taken


class Streams:
    """Streams several cameras and remembers the last frame collected from each."""

    def __init__(self, cameras: Sequence[StreamingCamera]) -> None:
        self._cameras = cameras
        self._collected: dict[StreamingCamera, int] = {}

    def start(self) -> MsgGenerator[None]:
        """Start the streams; the cameras must be staged."""
        for camera in self._cameras:
            self._collected[camera] = yield Msg("start_stream", camera)

    def stop(self) -> MsgGenerator[None]:
        """Stop the streams; frames made so far can still be collected."""
        for camera in self._cameras:
            yield Msg("stop_stream", camera)

    def collect(self, take: Callable[[StreamingCamera, FrameBatch], None]) -> MsgGenerator[None]:
        """Collect every frame made until now, oldest first.

        `take` gets the camera and each batch before the next message: a stop does not lose a batch.
        """
        for camera in self._collected:
            newest: int | None = None
            while newest is None or self._collected[camera] < newest:
                after = self._collected[camera]
                batch: FrameBatch = yield Msg("collect_stream", camera, after)
                newest = batch.newest if newest is None else newest
                self._collected[camera] = batch.last
                if batch.reading:
                    take(camera, batch)


class LiveActions(NamedTuple):
    """The actions that a live loop offers."""

    snapshot: Action | None = None
    stash: Action | None = None
    clear: Action | None = None
    record: Action | None = None


class LiveLoop:
    """Shows frames and answers the actions between them.

    `positions` are read with the frames; `stash_every` is the interval between kept frames, in s.
    With `stream`, cameras that can stream do so, unless the light cycles through channels.
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        caches: FrameCaches,
        positions: Sequence[Readable[Any]],
        illumination: Illumination,
        *,
        actions: LiveActions | None = None,
        stash_every: float = 0.0,
        stream: bool,
        processors: Processors | None = None,
    ) -> None:
        may_stream = stream and not illumination.is_cycling
        streaming = [each for each in cameras if may_stream and isinstance(each, StreamingCamera)]
        self._cameras = cameras
        self._positions = positions
        self._illumination = illumination
        self._channel = ""
        self._sequence = cycle(illumination.sequence)
        self._actions = actions or LiveActions()
        offered = [action for action in self._actions if action is not None]
        self._latches = {name: latch for each in offered for name, latch in each.event_map.items()}
        self._stash_every = stash_every
        self._streaming = streaming
        self._streams = Streams(streaming)
        self._exposures = Exposures([camera for camera in cameras if camera not in streaming])
        channels = illumination.sequence
        self._recording = Recording(
            cameras,
            caches,
            channels,
            streaming,
            ended=lambda: self._reset(self._actions.record),
            processors=processors,
        )
        self._stash_queue = StashQueue(
            cameras,
            caches,
            positions,
            lambda: self._reset(self._actions.stash),
            self._recording,
            channels=channels,
            processors=processors,
        )

    def run(self) -> MsgGenerator[None]:
        """Run until stopped; `finish` must follow."""
        yield from self._streams.start()
        while True:
            yield from self._step(None)

    def record(
        self, settings: RecordingSettings, seconds: float | None = None
    ) -> MsgGenerator[None]:
        """Record every frame until all files have their frames, or for `seconds`.

        `finish` must follow.
        """
        yield from self._recording.start(settings)
        yield from self._streams.start()
        end = None if seconds is None else time.monotonic() + seconds
        while self._recording.on and (end is None or time.monotonic() < end):
            yield from self._step(end)
        yield from self._recording.end()

    def finish(self) -> MsgGenerator[None]:
        """Stop the streams, stash the remaining frames, and close the files."""
        yield from self._streams.stop()
        yield from self._stash_streamed()
        yield from self._recording.finish()

    @property
    def problems(self) -> Sequence[str]:
        """Why recordings ended by themselves."""
        return self._recording.problems

    def _step(self, end: float | None) -> MsgGenerator[None]:
        """Take a frame, or collect some, or answer an action; return by `end`."""
        if self._streaming or not self._exposures.pending:
            yield Msg("checkpoint")
        if not self._exposures.pending:
            self._channel = next(self._sequence)
            yield from self._illumination.go_to(self._channel)
            yield from self._exposures.begin()
        event = yield from self._next_event(end)
        was_on = self._stash_queue.on, self._recording.on
        yield from self._stash_streamed()  # frames made before the event
        yield from self._answer(event, *was_on)
        exposed = self._exposures.done.is_set() or (event is None and not self._streaming)
        if exposed and (end is None or time.monotonic() < end):
            yield from self._expose()
        yield from self._recording.collect()

    def _next_event(self, end: float | None) -> MsgGenerator[str | None]:
        """Wait for an action or for frames; return the name of the action or None."""
        wanted: dict[str, Literal["set", "reset"]] = dict.fromkeys(self._latches, "set")
        for toggle, is_on in (
            (self._actions.stash, self._stash_queue.on),
            (self._actions.record, self._recording.on),
        ):
            if toggle is not None and is_on:
                wanted[toggle.name] = "reset"
        timeout = STREAM_SECONDS if self._streaming else EXPOSURE_SECONDS
        if end is not None:
            timeout = max(0.0, min(timeout, end - time.monotonic()))
        found = yield from plan_stubs.wait_for_actions(
            self._latches | {_EXPOSED: self._exposures.done},
            timeout=timeout,
            wait_for=wanted | {_EXPOSED: "set"},
        )
        return found[0] if found is not None else None

    def _answer(self, name: str | None, stashed: bool, recorded: bool) -> MsgGenerator[None]:
        """Answer an action; `stashed` and `recorded` say what was on when it was requested."""
        action = next(
            (each for each in self._actions if each is not None and each.name == name), None
        )
        if action is None:
            return
        if action is self._actions.stash:
            self._stash_queue.switch(not stashed, self._stash_every)
        elif action is self._actions.record:
            if recorded:
                yield from self._recording.end()
            elif not (yield from unless_refused(self._recording.start(RecordingSettings()))):
                self._reset(action)
        elif action is self._actions.clear:
            self._reset(action)
            for stack in self._stash_queue.stacks.values():
                yield from plan_stubs.clear_cache(stack, wait=True)
            for processors in self._stash_queue.processors.values():
                for processor in processors:
                    yield from plan_stubs.clear_cache(processor, wait=True)
        else:
            if self._illumination.is_cycling:
                yield from self._expose()
            for channel in self._illumination.sequence:
                yield from self._take_snapshots(channel)
            self._reset(action)  # until then it is pending

    def _reset(self, action: Action | None) -> None:
        if action is not None:
            self._latches[action.name].reset()

    def _take_snapshots(self, channel: str) -> MsgGenerator[None]:
        """Keep a frame of each camera: the one being exposed or the next."""
        if channel:
            yield Msg("checkpoint")
            yield from self._illumination.go_to(channel)
        ready = yield from self._exposures.complete()
        streamed: dict[str, Readings] = {}

        def keep(place: int, reading: Readings) -> MsgGenerator[None]:
            camera = self._cameras[place]
            if camera not in self._streaming:
                yield from self._stash_queue.record(camera, channel, reading)
            if self._stash_queue.on and camera in self._streaming:
                streamed[camera.name] = reading  # it is among the kept frames
            else:
                stack = self._stash_queue.stacks[camera.name, channel]
                yield from plan_stubs.stash(stack, reading, group=None, wait=True)
            if streamed and place == len(self._cameras) - 1:
                yield from self._collect()
                yield from self._stash_queue.stash_with(streamed)

        yield from unless_refused(
            plan_stubs.trigger_and_read(self._cameras, "snapshots", keep, self._positions, ready)
        )

    def _expose(self) -> MsgGenerator[None]:
        for camera, reading in (yield from self._exposures.finish()):
            taken = image_time(reading)
            times = (time.time() if taken is None else taken,)
            self._stash_queue.add(camera, reading, times, self._channel)
        yield from self._stash_queue.stash()

    def _collect(self) -> MsgGenerator[None]:
        yield from self._streams.collect(
            lambda camera, batch: self._stash_queue.add(camera, batch.reading, batch.times)
        )

    def _stash_streamed(self) -> MsgGenerator[None]:
        yield from self._collect()
        yield from self._stash_queue.stash()
