"""The continuous plan of daily work: look, and keep what is worth keeping."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Unit
from bluesky import preprocessors as bpp
from bluesky.utils import Msg, MsgGenerator

from napari_skylight.engine import plan_stubs
from napari_skylight.engine.actions import Action, SRLatch, continuous
from napari_skylight.plans._acquire import Exposures, illuminated, set_exposure
from napari_skylight.plans._annotations import Wording
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
    positions = [device for device in (stage, focus) if device is not None]
    free = [camera for camera in cameras if stream and isinstance(camera, StreamingCamera)]
    streams = Streams(free)
    exposures = Exposures([camera for camera in cameras if camera not in free])
    latches: dict[str, SRLatch] = {
        **snapshot.event_map,
        **stash.event_map,
        **clear.event_map,
    }
    keeping = Keeping(cameras, caches, positions, refused=latches[stash.name].reset)

    def drain() -> MsgGenerator[None]:
        yield from streams.drain(
            lambda camera, batch: keeping.add(camera, batch.reading, batch.times)
        )
        yield from keeping.stash()

    def expose(*, wait: bool) -> MsgGenerator[None]:
        for camera, reading in (yield from exposures.take(wait=wait)):
            keeping.add(camera, reading, (time.time(),))
        yield from keeping.stash()

    def look() -> MsgGenerator[None]:
        yield from streams.start()
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
                stacks = [keeping.stacks[camera.name] for camera in cameras]
                yield from unless_refused(
                    plan_stubs.read_and_stash(
                        cameras, stacks, stream="snapshots", wait=True, along=positions
                    )
                )
                snapshot.event_map[name].reset()  # not before: until then it is unanswered
                continue
            yield from expose(wait=not free)

    def finish() -> MsgGenerator[None]:
        yield from streams.stop()
        yield from drain()

    yield from set_exposure(cameras, exposure)
    plan = illuminated(bpp.finalize_wrapper(look(), finish), light)
    plan = bpp.run_wrapper(plan, md={"plan_name": "live_view", "cameras": _names(cameras)})
    yield from bpp.stage_wrapper(plan, cameras)


def _names(devices: Sequence[Any]) -> list[str]:
    return [device.name for device in devices]
