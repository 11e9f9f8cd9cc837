"""Triggered exposures, and small plans for exposure time, light, positions and stashing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bluesky import preprocessors as bpp
from bluesky.protocols import Movable, Readable, Reading, Status
from bluesky.utils import Msg, MsgGenerator, short_uid

from napari_skylight.engine import plan_stubs
from napari_skylight.engine.actions import SRLatch
from napari_skylight.protocols import Camera, HasCache, HasExposure, Light

Readings = dict[str, Reading[Any]]

LIGHT_SECONDS = 10.0
"""Time limit for switching a light."""


class Exposures:
    """Triggers several cameras at once, one frame each.

    Parameters
    ----------
    cameras : Sequence[Camera]

    Attributes
    ----------
    done : SRLatch
        Set when all frames are ready, for a plan that waits for other things too.
    """

    def __init__(self, cameras: Sequence[Camera]) -> None:
        self._cameras = cameras
        self._group = ""
        self.done = SRLatch()

    @property
    def pending(self) -> bool:
        """Whether triggered frames were not read yet."""
        return bool(self._group)

    def begin(self) -> MsgGenerator[None]:
        """Trigger every camera."""
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


def read_positions(devices: Sequence[Readable[Any]]) -> MsgGenerator[Readings]:
    """Read the positions of a stage and a focus drive, without an event."""
    where: Readings = {}
    for device in devices:
        where.update((yield Msg("read", device)))
    return where


def stash_frames(cache: HasCache, reading: Readings) -> MsgGenerator[None]:
    """Stash a reading of one or many frames and wait for it."""
    yield from plan_stubs.stash(cache, reading, group=None, wait=True)


def set_within(
    seconds: float | None, device: Movable[Any], value: Any, failure: str = ""
) -> MsgGenerator[None]:
    """Set a device and wait for it, without a limit if `seconds` is None.

    Raises
    ------
    TimeoutError
        If it takes longer; the message begins with `failure`.
    """
    group = short_uid("set")
    yield Msg("set", device, value, group=group)
    try:
        yield Msg("wait", None, group=group, timeout=seconds)
    except TimeoutError as error:
        raise TimeoutError(
            f"{failure} within {seconds:g} s: check its connection and power."
        ) from error


def set_exposure(cameras: Sequence[Camera], exposure: float | None) -> MsgGenerator[None]:
    """Set the exposure time of every camera, in ms; None leaves it unchanged.

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
                f"The exposure time of {camera.name} cannot be set: leave Exposure unticked."
            )
        yield from set_within(None, camera.exposure, exposure)


def illuminated(plan: MsgGenerator[Any], light: Light | None) -> MsgGenerator[Any]:
    """Run `plan` with `light` on; switch it off on every way out."""
    if light is None:
        return (yield from plan)

    def switch(on: bool) -> MsgGenerator[None]:
        said = f"{light.name} did not go {'on' if on else 'off'}"
        yield from set_within(LIGHT_SECONDS, light, on, said)

    def lit() -> MsgGenerator[Any]:
        yield from switch(True)
        return (yield from plan)

    return (yield from bpp.finalize_wrapper(lit(), lambda: switch(False)))
