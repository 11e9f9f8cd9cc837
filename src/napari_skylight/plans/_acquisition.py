"""The run around a plan: exposure time, light, channels; and small plans over devices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from bluesky import preprocessors as bpp
from bluesky.protocols import Movable, Readable, Reading
from bluesky.utils import Msg, MsgGenerator, short_uid

from napari_skylight.protocols import Camera, HasChannels, HasExposure, Light

Readings = dict[str, Reading[Any]]


def read_positions(devices: Sequence[Readable[Any]]) -> MsgGenerator[Readings]:
    """Read the positions of a stage and a focus drive, without an event."""
    where: Readings = {}
    for device in devices:
        where.update((yield Msg("read", device)))
    return where


def set_within(
    seconds: float | None, device: Movable[Any], value: Any, failure: str = ""
) -> MsgGenerator[None]:
    """Set a device and wait for it, without a limit if `seconds` is None.

    The `TimeoutError` if it takes longer begins with `failure`.
    """
    group = short_uid("set")
    yield Msg("set", device, value, group=group)
    try:
        yield Msg("wait", None, group=group, timeout=seconds)
    except TimeoutError as error:
        raise TimeoutError(
            f"{failure} within {seconds:g} s: check its connection and power."
        ) from error


LIGHT_SECONDS = 10.0  # time limit for switching a light
CHANNEL_SECONDS = 30.0  # time limit for a change of channel: a turret may have to turn


def acquisition(
    name: str,
    plan: MsgGenerator[Any],
    cameras: Sequence[Camera],
    illumination: Illumination,
    exposure: float | None,
    **md: Any,
) -> MsgGenerator[None]:
    """Run `plan` as the run of the plan `name`, with the light on and the cameras staged.

    `exposure` is the exposure time of every camera, in ms; None leaves it unchanged. `md` is added
    to the run's metadata.
    """
    md = {"plan_name": name, "cameras": [camera.name for camera in cameras], **md}
    if illumination.channels:
        md["channels"] = list(illumination.channels)
    if exposure is not None:
        yield from _set_exposure(cameras, exposure)
    plan = bpp.run_wrapper(illumination.during(plan), md=md)
    yield from bpp.stage_wrapper(plan, cameras)


class Illumination:
    """The light of a plan and its channels.

    One channel is set once, before the plan; two or more are the `sequence` to cycle through with
    `go_to`, otherwise a single empty text.
    """

    def __init__(self, light: Light | None, channels: Sequence[str]) -> None:
        self.channels = tuple(dict.fromkeys(channels))
        self._light = light
        self._channel: Movable[str] | None = None
        if isinstance(light, HasChannels):
            self._channel = light.channel
        if self.channels and self._channel is None:
            raise ValueError(
                "Channels need a light: choose a Light."
                if light is None
                else f"The light {light.name} has no channels: leave Channels unticked."
            )
        self.sequence = self.channels if self.is_cycling else ("",)

    @property
    def is_cycling(self) -> bool:
        return len(self.channels) > 1

    def readables(self, *devices: Readable[Any] | None) -> list[Readable[Any]]:
        """Return what to read with each frame: the `devices` there are, and the channel."""
        channel = self._channel if isinstance(self._channel, Readable) else None
        return [device for device in (*devices, channel) if device is not None]

    def go_to(self, channel: str) -> MsgGenerator[None]:
        """Set the channel and wait for it; do nothing for an empty text."""
        if channel:
            assert self._channel is not None  # only a light with channels has names of them
            assert self._light is not None
            said = f"{self._light.name} did not go to {channel}"
            yield from set_within(CHANNEL_SECONDS, self._channel, channel, said)

    def during(self, plan: MsgGenerator[Any]) -> MsgGenerator[None]:
        """Run `plan` with the light on; on every way out, switch it off and restore the channel."""
        light = self._light
        if light is not None:
            on, off = (partial(_switch, light, state) for state in (True, False))
            plan = bpp.finalize_wrapper(bpp.pchain(on(), plan), off)
        if self.channels:
            before = ""  # stays so for a light whose parts match no channel
            for reading in (yield from read_positions(self.readables())).values():
                before = reading["value"]
            first = self.go_to("" if self.is_cycling else self.channels[0])
            plan = bpp.finalize_wrapper(bpp.pchain(first, plan), lambda: self.go_to(before))
        yield from plan


def _switch(light: Light, on: bool) -> MsgGenerator[None]:
    said = f"{light.name} did not go {'on' if on else 'off'}"
    yield from set_within(LIGHT_SECONDS, light, on, said)


def _set_exposure(cameras: Sequence[Camera], exposure: float) -> MsgGenerator[None]:
    for camera in cameras:
        if not isinstance(camera, HasExposure):
            raise ValueError(
                f"The exposure time of {camera.name} cannot be set: leave Exposure unticked."
            )
        yield from set_within(None, camera.exposure, exposure)
