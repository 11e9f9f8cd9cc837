"""What the built-in plans share: taking frames, stashing them, setting exposure, and the light."""

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
"""How long a light may take to go on or off."""


class Exposures:
    """Cameras that take a frame when they are triggered, all of them at once.

    Parameters
    ----------
    cameras : Sequence[Camera]

    Attributes
    ----------
    done : SRLatch
        Set when the frames are there, so that a plan can wait for them and for something else.
    """

    def __init__(self, cameras: Sequence[Camera]) -> None:
        self._cameras = cameras
        self._group = ""
        self.done = SRLatch()

    @property
    def pending(self) -> bool:
        """Whether frames are being taken."""
        return bool(self._group)

    def begin(self) -> MsgGenerator[None]:
        """Have every camera take a frame."""
        if not self._cameras:
            return
        # Messages are made here, not by bluesky's stubs, each of which formats a stack trace.
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
        """Wait for the frames being taken; returns the cameras that are ready to be read."""
        if not self._group:
            return ()
        yield Msg("wait", None, group=self._group)
        self._group = ""
        return self._cameras

    def finish(self) -> MsgGenerator[list[tuple[Camera, Readings]]]:
        """Wait for the frames being taken, and read them; no event is made of it.

        Returns
        -------
        list of tuple
            Each camera with its reading.
        """
        taken = []
        for camera in (yield from self.complete()):
            reading = yield Msg("read", camera)
            taken.append((camera, reading))
        return taken


def read_positions(devices: Sequence[Readable[Any]]) -> MsgGenerator[Readings]:
    """Read where a stage and a focus drive are; no event is made of it."""
    where: Readings = {}
    for device in devices:
        where.update((yield Msg("read", device)))
    return where


def stash_frames(cache: HasCache, reading: Readings) -> MsgGenerator[None]:
    """Stash a reading of one frame or of many, and wait until it is kept."""
    yield from plan_stubs.stash(cache, reading, group=None, wait=True)


def set_and_wait(
    device: Movable[Any], value: Any, *, seconds: float | None = None
) -> MsgGenerator[None]:
    """Set a device and wait until it is there, for so many seconds at most if they are given."""
    group = short_uid("set")
    yield Msg("set", device, value, group=group)
    yield Msg("wait", None, group=group, timeout=seconds)


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
                f"The exposure of {camera.name} cannot be set here: leave Exposure unticked."
            )
        yield from set_and_wait(camera.exposure, exposure)


def illuminated(plan: MsgGenerator[Any], light: Light | None) -> MsgGenerator[Any]:
    """Run `plan` with `light` on, and switch it off however the plan ends."""
    if light is None:
        return (yield from plan)

    def lit() -> MsgGenerator[Any]:
        yield from _switch(light, True)
        return (yield from plan)

    return (yield from bpp.finalize_wrapper(lit(), lambda: _switch(light, False)))


def _switch(light: Light, on: bool) -> MsgGenerator[None]:
    """Switch a light and wait until it says it has; it must not hold up the plan for ever."""
    try:
        yield from set_and_wait(light, on, seconds=LIGHT_SECONDS)
    except TimeoutError as error:
        raise TimeoutError(
            f"{light.name} did not go {'on' if on else 'off'} within {LIGHT_SECONDS:g} s: "
            "see whether it is connected and has power."
        ) from error
