"""The continuous plan of daily work: look, and keep what is worth keeping."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import cycle
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Unit
from bluesky import preprocessors as bpp
from bluesky.utils import Msg, MsgGenerator

from napari_skylight.engine import plan_stubs
from napari_skylight.engine.actions import Action, SRLatch, continuous
from napari_skylight.plans._acquire import (
    Exposures,
    Readings,
    illuminated,
    set_exposure,
    stash_frames,
)
from napari_skylight.plans._annotations import ChoicesOf, Wording
from napari_skylight.plans._channels import Channels
from napari_skylight.plans._keeping import Keeping, unless_refused
from napari_skylight.plans._streams import Streams
from napari_skylight.protocols import (
    Camera,
    Focus,
    FrameCaches,
    Light,
    Stage,
    StreamingCamera,
)

SNAPSHOT = Action(name="snapshot", description="Keep one frame of each camera.")
STASH = Action(
    name="stash",
    description="Keep every frame, or one every so many seconds, until switched off.",
    togglable=True,
    toggle_states=("on", "off"),
)
CLEAR = Action(name="clear", description="Forget the frames kept so far.")

STREAM_SECONDS = 0.01
"""How long the frames of cameras that run free are left to gather, unless something is clicked."""


@continuous(pausable=True)
def live_view(
    cameras: Sequence[Camera],
    caches: FrameCaches,
    *,
    exposure: Annotated[float | None, Gt(0), Unit("ms")] = None,
    stash_every: Annotated[float, Ge(0), Unit("s"), Wording(zero="every frame")] = 0.0,
    light: Light | None = None,
    channels: Annotated[Sequence[str], ChoicesOf(Light, "channel")] = (),
    stage: Stage | None = None,
    focus: Focus | None = None,
    stream: bool = True,
    snapshot: Action = SNAPSHOT,
    stash: Action = STASH,
    clear: Action = CLEAR,
) -> MsgGenerator[None]:
    """Show the cameras live until stopped.

    Viewed frames are not recorded as events; a snapshot is an event of the stream "snapshots".

    Parameters
    ----------
    cameras : Sequence[Camera]
        The cameras to show.
    caches : FrameCaches
        Where frames go to be shown.
    exposure : float, optional
        Exposure time of every camera, in ms; as it is when not set.
    stash_every : float
        Seconds between the frames that *stash* keeps; 0 keeps every frame.
    light : Light, optional
        Switched on while the plan runs, off when it pauses or ends.
    channels : Sequence[str]
        Channels of the light. Two or more are gone round, with layers for each: every frame is
        asked for then, and no camera runs free. What was set before comes back at the end.
    stage : Stage, optional
        Its position is kept with each frame.
    focus : Focus, optional
        Its position is kept with each frame.
    stream : bool
        Let cameras that can do so run free, at their own rate: then *stash* keeps every frame they
        make. Otherwise each frame is asked for.
    snapshot, stash, clear : Action
        What the buttons do.
    """
    shown = Channels(light, channels)
    positions = [device for device in (stage, focus, *shown.along) if device is not None]
    may_stream = stream and not shown.several
    free = [each for each in cameras if may_stream and isinstance(each, StreamingCamera)]
    streams = Streams(free)
    exposures = Exposures([camera for camera in cameras if camera not in free])
    latches: dict[str, SRLatch] = {
        **snapshot.event_map,
        **stash.event_map,
        **clear.event_map,
    }
    refused = latches[stash.name].reset
    keeping = Keeping(cameras, caches, positions, refused, channels=shown.turns)

    def take_streamed() -> MsgGenerator[None]:
        yield from streams.drain(
            lambda camera, batch: keeping.add(camera, batch.reading, batch.times)
        )

    def drain() -> MsgGenerator[None]:
        yield from take_streamed()
        yield from keeping.stash()

    def expose(channel: str = "", *, wait: bool) -> MsgGenerator[None]:
        for camera, reading in (yield from exposures.take(wait=wait)):
            keeping.add(camera, reading, (time.time(),), channel)
        yield from keeping.stash()

    def take_snapshots(channel: str) -> MsgGenerator[None]:
        yield Msg("checkpoint")
        yield from shown.go_to(channel)
        streamed: dict[str, Readings] = {}

        def keep(place: int, reading: Readings) -> MsgGenerator[None]:
            camera = cameras[place]
            if keeping.on and camera in free:
                streamed[camera.name] = reading  # it is among those that are kept anyway
            else:
                yield from stash_frames(keeping.stacks[camera.name, channel], reading)
            if streamed and place == len(cameras) - 1:
                yield from take_streamed()
                yield from keeping.stash_with(streamed)

        yield from unless_refused(
            plan_stubs.trigger_and_read(cameras, "snapshots", keep, positions)
        )

    def look() -> MsgGenerator[None]:
        yield from streams.start()
        turns = cycle(shown.turns)
        while True:
            yield Msg("checkpoint")
            awaited: dict[str, Literal["set", "reset"]] = dict.fromkeys(latches, "set")
            if keeping.on:
                awaited[stash.name] = "reset"
            event = yield from plan_stubs.wait_for_actions(
                latches, timeout=STREAM_SECONDS if free else 0, wait_for=awaited
            )
            name = event[0] if event is not None else None
            was_on = keeping.on
            yield from drain()  # what ran free until now is from before the event
            if name == stash.name:
                keeping.switch(not was_on, stash_every)
            elif name == clear.name:
                clear.event_map[name].reset()
                for stack in keeping.stacks.values():
                    yield from plan_stubs.clear_cache(stack, wait=True)
            elif name == snapshot.name:
                if exposures.pending:
                    yield from expose(wait=True)
                for channel in shown.turns:
                    yield from take_snapshots(channel)
                snapshot.event_map[name].reset()  # not before: until then it is unanswered
                continue
            channel = next(turns)
            yield from shown.go_to(channel)
            yield from expose(channel, wait=not free)

    def finish() -> MsgGenerator[None]:
        yield from streams.stop()
        yield from drain()

    yield from set_exposure(cameras, exposure)
    md = {"plan_name": "live_view", "cameras": [camera.name for camera in cameras]}
    if channels:
        md["channels"] = list(channels)
    plan = illuminated(bpp.finalize_wrapper(look(), finish), light)
    plan = bpp.run_wrapper(shown.restored_after(plan), md=md)
    yield from bpp.stage_wrapper(plan, cameras)
