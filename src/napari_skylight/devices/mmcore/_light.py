"""The core's shutter as a light, and its channels."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from bluesky.protocols import Hints, Reading
from event_model import DataKey

from napari_skylight.devices._light_memory import LightMemory
from napari_skylight.devices.mmcore._core import Core
from napari_skylight.devices.mmcore._core_setting import Choice
from napari_skylight.devices.mmcore._thread import Answer
from napari_skylight.engine import Status

CHANNEL_SECONDS = 30.0


class Light:
    """The current shutter; from the first `set` until `stop`, the core's auto-shutter is off."""

    parent = None

    def __init__(self, core: Core, name: str = "light") -> None:
        self.name = name
        self._core = core
        group = channel_group(core.mmc)
        self.channel = Channel(core, f"{name}-channel", group, light=self) if group else None
        # The following belong to the core's thread.
        self._held: bool | None = None  # the value set; None: the core controls the shutter
        self._memory = LightMemory()
        self._auto_shutter = False
        core.before_close(self._stop)

    @property
    def hints(self) -> Hints:
        return Hints(fields=[self.name])

    def children(self) -> Iterator[tuple[str, Channel]]:
        if self.channel is not None:
            yield "channel", self.channel

    def set(self, value: bool) -> Status:
        """Switch the light on or off; the status ends when the shutter has moved."""
        return self._core.thread.run(
            partial(self._hold, bool(value)),
            what=f"Switching the {self.name} {'on' if value else 'off'}",
            arrived=self._is_there,
        )

    def stop(self, success: bool = True) -> Answer[None]:
        """Switch off and restore the core's auto-shutter."""
        return self._core.thread.ask(self._stop)

    def pause(self) -> Answer[None]:
        """Switch off until `resume`."""
        return self._core.thread.ask(self._pause)

    def resume(self) -> Answer[None]:
        """Restore the state before the pause."""
        return self._core.thread.ask(self._resume)

    async def read(self) -> dict[str, Reading[bool]]:
        is_on = await self._core.thread.ask(self._read)
        return {self.name: Reading(value=is_on, timestamp=time.time())}

    async def describe(self) -> dict[str, DataKey]:
        return {self.name: {"source": "mmcore://Core", "dtype": "boolean", "shape": []}}

    @property
    def is_held_on(self) -> bool:
        return bool(self._held)

    def open(self, is_open: bool) -> None:
        """Open or close the current shutter."""
        mmc = self._core.mmc
        if mmc.getShutterDevice():
            mmc.setShutterOpen(is_open)
        elif is_open:
            raise RuntimeError(
                "No shutter is in use: the channel's preset must name one as its Core-Shutter."
            )

    def _is_there(self) -> bool:
        shutter = self._core.mmc.getShutterDevice()
        return not shutter or not self._core.mmc.deviceBusy(shutter)

    def _hold(self, is_on: bool) -> None:
        mmc = self._core.mmc
        if self._held is None:
            self._auto_shutter = mmc.getAutoShutter()
            mmc.setAutoShutter(False)
        self._held = is_on
        self._memory.on_set()
        self.open(is_on)

    def _stop(self) -> None:
        self._memory.on_stop(self._held)
        self._release()

    def _pause(self) -> None:
        self._memory.on_pause(self._held)
        if self._held is not None:
            self._release()

    def _release(self) -> None:
        held, self._held = self._held, None
        try:
            self.open(False)
        finally:
            if held is not None:
                self._core.mmc.setAutoShutter(self._auto_shutter)

    def _resume(self) -> None:
        state = self._memory.on_resume()
        if state is not None:
            self._hold(state)

    def _read(self) -> bool:
        # A read comes after the stop that ended a plan: a later pause and resume must not bring
        # back that plan's light.
        self._memory.stopped = None
        return bool(self._core.mmc.getShutterOpen())


class Channel(Choice[str]):
    """The presets of the channel group; the shutter is closed while the filters move."""

    def __init__(self, core: Core, name: str, group: str, light: Light | None = None) -> None:
        super().__init__(
            name,
            title="Channel",
            parent=light,
            thread=core.thread,
            choices=lambda: core.mmc.getAvailableConfigs(group),
            get=lambda: core.mmc.getCurrentConfig(group),
            put=self._begin,
        )
        self._core = core
        self._group = group
        self._light = light
        self._devices: set[str] = set()

    def set(self, value: str) -> Status:
        """Change the channel; the status ends when all its devices have arrived."""
        return self._thread.run(
            partial(self._set, value),
            what=f"Changing the channel to {value}",
            seconds=CHANNEL_SECONDS,
            arrived=self._is_there,
            then=self._relight,
        )

    def _begin(self, preset: str) -> None:
        mmc = self._core.mmc
        if self._light is not None and self._light.is_held_on:
            self._light.open(False)
        try:
            settings = mmc.getConfigData(self._group, preset)
            self._devices = {
                settings.getSetting(number).getDeviceLabel() for number in range(settings.size())
            }
            mmc.setConfig(self._group, preset)
        except RuntimeError as error:
            self._relight()
            raise RuntimeError(
                f"The channel {preset} could not be set. Micro-Manager says: {error}"
            ) from error

    def _is_there(self) -> bool:
        return not any(self._core.mmc.deviceBusy(device) for device in self._devices)

    def _relight(self) -> None:
        if self._light is not None and self._light.is_held_on:
            self._light.open(True)


def channel_group(mmc: Any) -> str:
    """Return the name of the configuration's channel group; "" for none."""
    named = str(mmc.getChannelGroup())
    return named or ("Channel" if "Channel" in mmc.getAvailableConfigGroups() else "")
