"""What the built-in plans share: taking frames, stashing them, setting exposure, and the light."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.protocols import Readable, Reading
from bluesky.utils import Msg, MsgGenerator

from napari_skylight.protocols import Camera, HasCache, HasExposure, Light

Readings = dict[str, Reading[Any]]

_groups = count()


def read_frames(
    cameras: Sequence[Camera], positions: Sequence[Readable[Any]]
) -> MsgGenerator[list[Readings]]:
    """Take a frame with every camera at once; no event is made of it.

    Returns
    -------
    list of dict
        One reading for each camera, the readings of `positions` merged into it.
    """
    # Messages are made here rather than by bluesky's stubs, each of which formats a stack trace.
    group = f"trigger-{next(_groups)}"
    for camera in cameras:
        yield Msg("trigger", camera, group=group)
    yield Msg("wait", None, group=group)
    where: Readings = {}
    for device in positions:
        where.update((yield Msg("read", device)))
    readings = []
    for camera in cameras:
        reading = yield Msg("read", camera)
        readings.append({**reading, **where})
    return readings


def stash_frames(caches: Sequence[HasCache], readings: Sequence[Readings]) -> MsgGenerator[None]:
    """Stash each reading in the cache at its place, and wait until all are kept."""
    group = f"stash-{next(_groups)}"
    for cache, reading in zip(caches, readings, strict=True):
        yield Msg("stash", cache, reading, group=group)
    yield Msg("wait", None, group=group)


def set_exposure(cameras: Sequence[Camera], exposure: float | None) -> MsgGenerator[None]:
    """Set the exposure time of every camera, in ms; None leaves it.

    Raises
    ------
    ValueError
        If a camera's exposure time cannot be set.
    """
    if exposure is None:
        return
    for camera in cameras:
        if not isinstance(camera, HasExposure):
            raise ValueError(
                f"The exposure of {camera.name} cannot be set here: leave Exposure empty."
            )
        yield from bps.abs_set(camera.exposure, exposure, wait=True)


def illuminated(plan: MsgGenerator[Any], light: Light | None) -> MsgGenerator[Any]:
    """Run `plan` with `light` on, and switch it off however the plan ends."""
    if light is None:
        return (yield from plan)

    def lit() -> MsgGenerator[Any]:
        yield from bps.abs_set(light, True, wait=True)
        return (yield from plan)

    def dark() -> MsgGenerator[None]:
        yield from bps.abs_set(light, False, wait=True)

    return (yield from bpp.finalize_wrapper(lit(), dark))
