"""The plan that takes a number of frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Ge, Gt, Unit
from bluesky import preprocessors as bpp
from bluesky.utils import Msg, MsgGenerator

from napari_skylight.engine import plan_stubs
from napari_skylight.plans._acquire import illuminated, set_exposure
from napari_skylight.protocols import Camera, Focus, FrameCaches, Light, Stage


def snap(
    cameras: Sequence[Camera],
    caches: FrameCaches,
    frames: Annotated[int, Ge(1)] = 1,
    *,
    exposure: Annotated[float | None, Gt(0), Unit("ms")] = None,
    light: Light | None = None,
    stage: Stage | None = None,
    focus: Focus | None = None,
) -> MsgGenerator[None]:
    """Take a number of frames and keep them.

    Each frame is an event of the stream "primary", and a slice of the camera's snapshots.

    Parameters
    ----------
    cameras : Sequence[Camera]
        The cameras to take frames with.
    caches : FrameCaches
        Where frames go to be shown.
    frames : int
        How many frames of each camera.
    exposure : float, optional
        Exposure time of every camera, in ms; as it is when not set.
    light : Light, optional
        Switched on while the plan runs, off when it pauses or ends.
    stage : Stage, optional
        Its position is kept with each frame.
    focus : Focus, optional
        Its position is kept with each frame.
    """
    positions = [device for device in (stage, focus) if device is not None]
    stacks = [caches.stack(camera) for camera in cameras]

    def take() -> MsgGenerator[None]:
        for _ in range(frames):
            yield Msg("checkpoint")
            yield from plan_stubs.read_and_stash(cameras, stacks, wait=True, along=positions)

    md = {"plan_name": "snap", "cameras": [c.name for c in cameras], "num_points": frames}
    yield from set_exposure(cameras, exposure)
    plan = bpp.run_wrapper(illuminated(take(), light), md=md)
    yield from bpp.stage_wrapper(plan, cameras)
