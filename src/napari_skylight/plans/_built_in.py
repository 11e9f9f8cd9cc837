"""The built-in plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Ge, Gt, Le, Unit
from bluesky import preprocessors as bpp
from bluesky.utils import Msg, MsgGenerator

from napari_skylight.engine import plan_stubs
from napari_skylight.engine.actions import Action, continuous
from napari_skylight.plans._acquisition import Illumination, acquisition
from napari_skylight.plans._live_loop import LiveLoop
from napari_skylight.plans.spec import ChoicesOf, Wording
from napari_skylight.protocols import Camera, Focus, FrameCaches, FrameProcess, Light, Stage

SNAPSHOT = Action(name="snapshot", description="Keep one frame of each camera.")
STASH = Action(
    name="stash",
    description="Keep every frame, or one per interval, until switched off.",
    togglable=True,
    toggle_states=("on", "off"),
)
CLEAR = Action(name="clear", description="Delete the frames kept so far.")


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
    process: Sequence[FrameProcess] = (),
    process_frames: Annotated[int, Ge(1), Le(1000), Unit("frames"), Wording("Process over")] = 20,
    snapshot: Action = SNAPSHOT,
    stash: Action = STASH,
    clear: Action = CLEAR,
) -> MsgGenerator[None]:
    """Show the cameras live until stopped.

    Frames that are only shown make no events; a snapshot is an event of the stream "snapshots".

    Parameters
    ----------
    cameras : Sequence[Camera]
        The cameras to show.
    caches : FrameCaches
        The frame caches of the session.
    exposure : float, optional
        Exposure time of every camera, in ms; unchanged if not set.
    stash_every : float
        Interval between the frames that *stash* keeps, in s; 0 keeps every frame.
    light : Light, optional
        Switched on while the plan runs, off when it pauses or ends.
    channels : Sequence[str]
        Channels of the light. With two or more, the plan cycles through them, triggers each frame
        and shows each channel as a layer. The channel set before is restored at the end.
    stage : Stage, optional
        Its position is recorded with each frame.
    focus : Focus, optional
        Its position is recorded with each frame.
    stream : bool
        Let cameras that can stream run at their own rate; *stash* then keeps every frame. Without
        it, the plan triggers each frame.
    process : Sequence[FrameProcess]
        Shows what each process makes of the frames of each camera, as a layer of its own.
    process_frames : int
        The number of frames of a running mean or median. They are kept in memory.
    snapshot, stash, clear : Action
        The buttons.
    """
    illumination = Illumination(light, channels)
    loop = LiveLoop(
        cameras,
        caches,
        illumination.readables(stage, focus),
        illumination,
        actions=(snapshot, stash, clear),
        stash_every=stash_every,
        stream=stream,
        processors={
            (camera.name, channel): [
                each.processor(camera, channel, process_frames) for each in process
            ]
            for camera in cameras
            for channel in illumination.sequence
        },
    )
    plan = bpp.finalize_wrapper(loop.run(), loop.finish)
    yield from acquisition("live_view", plan, cameras, illumination, exposure)


def snap(
    cameras: Sequence[Camera],
    caches: FrameCaches,
    frames: Annotated[int, Ge(1)] = 1,
    *,
    exposure: Annotated[float | None, Gt(0), Unit("ms")] = None,
    light: Light | None = None,
    channels: Annotated[Sequence[str], ChoicesOf(Light, "channel")] = (),
    stage: Stage | None = None,
    focus: Focus | None = None,
) -> MsgGenerator[None]:
    """Take a number of frames and keep them.

    Each frame is an event of the stream "primary" and a slice of the camera's snapshots.

    Parameters
    ----------
    cameras : Sequence[Camera]
        The cameras to take frames with.
    caches : FrameCaches
        The frame caches of the session.
    frames : int
        Number of frames for each camera and channel.
    exposure : float, optional
        Exposure time of every camera, in ms; unchanged if not set.
    light : Light, optional
        Switched on while the plan runs, off when it pauses or ends.
    channels : Sequence[str]
        Channels of the light to cycle through. The channel set before is restored at the end.
    stage : Stage, optional
        Its position is recorded with each frame.
    focus : Focus, optional
        Its position is recorded with each frame.
    """
    illumination = Illumination(light, channels)
    positions = illumination.readables(stage, focus)

    def take() -> MsgGenerator[None]:
        for _ in range(frames):
            for channel in illumination.sequence:
                yield Msg("checkpoint")
                yield from illumination.go_to(channel)
                stacks = [caches.stack(camera, channel=channel) for camera in cameras]
                yield from plan_stubs.read_and_stash(cameras, stacks, wait=True, along=positions)

    events = frames * len(illumination.sequence)
    yield from acquisition("snap", take(), cameras, illumination, exposure, num_points=events)
