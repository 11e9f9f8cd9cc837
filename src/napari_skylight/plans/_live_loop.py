"""What a live plan does from its start to its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import cycle
from typing import Any, Literal

from bluesky.protocols import Readable
from bluesky.utils import Msg, MsgGenerator

from napari_skylight.engine import plan_stubs
from napari_skylight.engine.actions import Action, SRLatch
from napari_skylight.plans._channels import Channels
from napari_skylight.plans._exposures import Exposures, Readings, stash_frames
from napari_skylight.plans._frame_times import image_time
from napari_skylight.plans._stash_queue import StashQueue, unless_refused
from napari_skylight.plans._streams import Streams
from napari_skylight.protocols import Camera, FrameCaches, StreamingCamera

__all__ = ["LiveLoop"]

STREAM_SECONDS = 0.01
"""How long the frames of cameras that run free are left to gather, unless something is clicked."""

EXPOSURE_SECONDS = 10.0
"""How long clicks are answered while a frame is taken; then only the frame is waited for."""

_EXPOSED = ""  # beside the names of the actions


class LiveLoop:
    """Shows frame after frame, and does what is clicked in between.

    Parameters
    ----------
    cameras : Sequence[Camera]
    caches : FrameCaches
        Where frames go to be shown, and to be kept.
    positions : Sequence[Readable]
        Read along with the frames.
    channels : Channels
        What to go round; with several, no camera runs free.
    actions : tuple of Action
        To keep a frame of each camera, to keep every frame from now on, and to forget them.
    stash_every : float
        Seconds between frames that are kept one after the other.
    stream : bool
        Let cameras that can do so run free.
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        caches: FrameCaches,
        positions: Sequence[Readable[Any]],
        channels: Channels,
        *,
        actions: tuple[Action, Action, Action],
        stash_every: float,
        stream: bool,
    ) -> None:
        may_stream = stream and not channels.several
        free = [each for each in cameras if may_stream and isinstance(each, StreamingCamera)]
        self._cameras = cameras
        self._positions = positions
        self._channels = channels
        self._channel = ""
        self._snapshot, self._stash, self._clear = (action.name for action in actions)
        self._latches: dict[str, SRLatch] = {}
        for action in actions:
            self._latches |= action.event_map
        self._stash_every = stash_every
        self._free = free
        self._streams = Streams(free)
        self._exposures = Exposures([camera for camera in cameras if camera not in free])
        refused = self._latches[self._stash].reset
        self._stash_queue = StashQueue(cameras, caches, positions, refused, channels=channels.turns)

    def run(self) -> MsgGenerator[None]:
        """Look until stopped; `finish` is to come after."""
        yield from self._streams.start()
        turns = cycle(self._channels.turns)
        while True:
            if self._free or not self._exposures.pending:
                yield Msg("checkpoint")
            if not self._exposures.pending:
                self._channel = next(turns)
                yield from self._channels.go_to(self._channel)
                yield from self._exposures.begin()
            event = yield from self._next_event()
            was_on = self._stash_queue.on
            yield from self._stash_streamed()  # frames made before the event
            yield from self._answer(event, was_on)
            exposed = self._exposures.done.is_set() or (event is None and not self._free)
            if exposed:
                yield from self._expose()

    def finish(self) -> MsgGenerator[None]:
        """End the streams, and stash what is left."""
        yield from self._streams.stop()
        yield from self._stash_streamed()

    def _next_event(self) -> MsgGenerator[str | None]:
        """Return the action that is asked for, if there is one by the time there are frames."""
        wanted: dict[str, Literal["set", "reset"]] = dict.fromkeys(self._latches, "set")
        if self._stash_queue.on:
            wanted[self._stash] = "reset"
        found = yield from plan_stubs.wait_for_actions(
            self._latches | {_EXPOSED: self._exposures.done},
            timeout=STREAM_SECONDS if self._free else EXPOSURE_SECONDS,
            wait_for=wanted | {_EXPOSED: "set"},
        )
        return found[0] if found is not None else None

    def _answer(self, name: str | None, was_on: bool) -> MsgGenerator[None]:
        if name == self._stash:
            self._stash_queue.switch(not was_on, self._stash_every)
        elif name == self._clear:
            self._latches[name].reset()
            for stack in self._stash_queue.stacks.values():
                yield from plan_stubs.clear_cache(stack, wait=True)
        elif name == self._snapshot:
            if self._channels.several:
                yield from self._expose()
            for channel in self._channels.turns:
                yield from self._take_snapshots(channel)
            self._latches[name].reset()  # not before: until then it is unanswered

    def _take_snapshots(self, channel: str) -> MsgGenerator[None]:
        """Keep a frame of each camera: the one it is taking, or the next."""
        if channel:
            yield Msg("checkpoint")
            yield from self._channels.go_to(channel)
        ready = yield from self._exposures.complete()
        streamed: dict[str, Readings] = {}

        def keep(place: int, reading: Readings) -> MsgGenerator[None]:
            camera = self._cameras[place]
            if self._stash_queue.on and camera in self._free:
                streamed[camera.name] = reading  # it is among those that are kept anyway
            else:
                yield from stash_frames(self._stash_queue.stacks[camera.name, channel], reading)
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
