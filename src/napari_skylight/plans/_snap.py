"""The plan `snap`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Ge, Gt, Unit
from bluesky.utils import Msg, MsgGenerator

from napari_skylight.engine import plan_stubs
from napari_skylight.plans._acquisition import Illumination, acquisition
from napari_skylight.plans.spec import ChoicesOf
from napari_skylight.protocols import Camera, Focus, FrameCaches, Light, Stage


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
