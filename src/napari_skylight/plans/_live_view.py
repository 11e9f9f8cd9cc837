"""The continuous plan of daily work: look, and keep what is worth keeping."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Unit
from bluesky import preprocessors as bpp
from bluesky.utils import FailedStatus, Msg, MsgGenerator

from napari_skylight.engine import plan_stubs
from napari_skylight.engine.actions import Action, SRLatch, continuous
from napari_skylight.plans._acquire import illuminated, read_frames, set_exposure, stash_frames
from napari_skylight.protocols import (
    Camera,
    Focus,
    FrameCaches,
    Light,
    Stage,
    StashRefused,
)

SNAPSHOT = Action(name="snapshot", description="Keep one frame of each camera.")
STASH = Action(
    name="stash",
    description="Keep every frame, or one every so many seconds, until switched off.",
    togglable=True,
    toggle_states=("on", "off"),
)
CLEAR = Action(name="clear", description="Forget the frames kept so far.")


@continuous(pausable=True)
def live_view(
    cameras: Sequence[Camera],
    caches: FrameCaches,
    *,
    exposure: Annotated[float | None, Gt(0), Unit("ms")] = None,
    stash_every: Annotated[float, Ge(0), Unit("s")] = 0.0,
    light: Light | None = None,
    stage: Stage | None = None,
    focus: Focus | None = None,
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
        Exposure time of every camera, in ms; as it is when left empty.
    stash_every : float
        Seconds between the frames that *stash* keeps; 0 keeps every frame.
    light : Light, optional
        Switched on while the plan runs, off when it pauses or ends.
    stage : Stage, optional
        Its position is kept with each frame.
    focus : Focus, optional
        Its position is kept with each frame.
    snapshot, stash, clear : Action
        What the buttons do.
    """
    positions = [device for device in (stage, focus) if device is not None]
    live = [caches.live(camera) for camera in cameras]
    stacks = [caches.stack(camera) for camera in cameras]
    latches: dict[str, SRLatch] = {
        **snapshot.event_map,
        **stash.event_map,
        **clear.event_map,
    }
    stash_latch = latches[stash.name]

    def look() -> MsgGenerator[None]:
        stashing = False
        next_stash = 0.0
        while True:
            yield Msg("checkpoint")
            awaited: dict[str, Literal["set", "reset"]] = dict.fromkeys(latches, "set")
            if stashing:
                awaited[stash.name] = "reset"
            event = yield from plan_stubs.wait_for_actions(latches, timeout=0, wait_for=awaited)
            name = event[0] if event is not None else None
            if name == stash.name:
                stashing = not stashing
                next_stash = 0.0
            elif name == clear.name:
                clear.event_map[name].reset()
                for stack in stacks:
                    yield from plan_stubs.clear_cache(stack, wait=True)
            elif name == snapshot.name:
                snapshot.event_map[name].reset()
                yield from _unless_refused(
                    plan_stubs.read_and_stash(
                        cameras, stacks, stream="snapshots", wait=True, along=positions
                    )
                )
                continue

            readings = yield from read_frames(cameras, positions)
            yield from stash_frames(live, readings)
            if stashing and time.monotonic() >= next_stash:
                next_stash = time.monotonic() + stash_every
                kept = yield from _unless_refused(stash_frames(stacks, readings))
                if not kept:
                    stashing = False
                    stash_latch.reset()

    yield from set_exposure(cameras, exposure)
    plan = illuminated(look(), light)
    plan = bpp.run_wrapper(plan, md={"plan_name": "live_view", "cameras": _names(cameras)})
    yield from bpp.stage_wrapper(plan, cameras)


def _unless_refused(plan: MsgGenerator[Any]) -> MsgGenerator[bool]:
    """Run `plan`; return False where a cache refused the frames, which its own signal reports."""
    try:
        yield from plan
    except FailedStatus as error:
        if not isinstance(error.__cause__, StashRefused):
            raise
        return False
    return True


def _names(devices: Sequence[Any]) -> list[str]:
    return [device.name for device in devices]
