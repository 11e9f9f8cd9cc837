"""The light source: channel, intensity and shutter in one."""

from __future__ import annotations

from ophyd_async.core import (
    AsyncStatus,
    StandardReadable,
    StrictEnum,
    soft_signal_r_and_setter,
)
from ophyd_async.core import StandardReadableFormat as Format

from napari_skylight.devices._light_memory import LightMemory
from napari_skylight.devices.sim._checked_signal import CheckedSignal


class ChannelName(StrictEnum):
    """The channels of the light; the keys of `CHANNELS`."""

    DAPI = "DAPI"
    GFP = "GFP"
    RFP = "RFP"
    BRIGHTFIELD = "Brightfield"


class Light(StandardReadable):
    """A lamp behind a shutter: ``set(True)`` opens it, and it reads True while it is open.

    ``pause``, or the ``stop`` that bluesky sends before it, closes the shutter, and ``resume``
    restores the light, unless a ``set`` or ``stop`` came in between.
    """

    def __init__(self, name: str = "") -> None:
        with self.add_children_as_readables(Format.HINTED_UNCACHED_SIGNAL):
            self.state, self._set_state = soft_signal_r_and_setter(bool, False)
            self.channel = CheckedSignal(
                ChannelName, ChannelName.GFP, label="Channel", owner="light"
            )
            self.intensity = CheckedSignal(
                float,
                50.0,
                label="Intensity",
                owner="light",
                units="%",
                limits=lambda: (0.0, 100.0),
            )
        self._on = False
        self._memory = LightMemory()
        super().__init__(name=name)

    @property
    def level(self) -> float:
        """The light on the specimen now: 0 (off) to 1."""
        return self.intensity.value / 100 if self._on else 0.0

    def set_name(self, name: str, *, child_name_separator: str | None = None) -> None:
        """Name the light; its state goes by the same name."""
        super().set_name(name, child_name_separator=child_name_separator)
        self.state.set_name(name)

    @AsyncStatus.wrap
    async def set(self, value: bool) -> None:
        """Switch the light on or off."""
        if value not in (True, False):
            raise ValueError(f"The light can be set to True or False, not {value!r}.")
        self._memory.on_set()
        self._switch(bool(value))

    async def stop(self, success: bool = True) -> None:
        """Switch the light off; final unless a `pause` follows."""
        self._memory.on_stop(self._on)
        self._switch(False)

    async def pause(self) -> None:
        """Keep the light off until `resume`."""
        self._memory.on_pause(self._on)
        self._switch(False)

    async def resume(self) -> None:
        """Restore the light before the `pause`."""
        if self._memory.on_resume():
            self._switch(True)

    def _switch(self, on: bool) -> None:
        self._on = on
        self._set_state(on)
