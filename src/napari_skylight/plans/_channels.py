"""The channels of a light that a plan cycles through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bluesky import preprocessors as bpp
from bluesky.protocols import Movable, Readable
from bluesky.utils import MsgGenerator

from napari_skylight.plans._device_plans import read_positions, set_within
from napari_skylight.protocols import HasChannels, Light

CHANNEL_SECONDS = 30.0
"""Time limit for a change of channel: a turret may have to turn."""


class Channels:
    """The channels of one plan.

    Parameters
    ----------
    light : Light or None
    names : Sequence of str
        One is set once, before the plan; two or more become the `sequence`.

    Attributes
    ----------
    sequence : tuple of str
        The channels to cycle through with `go_to`; a single empty text if nothing changes.
    readables : list of Readable
        The channel's signal, to be read with each frame, if the light has one.

    Raises
    ------
    ValueError
        If `names` are given but the light has no channels.
    """

    def __init__(self, light: Light | None, names: Sequence[str]) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._light = "" if light is None else light.name
        self._channel: Movable[str] | None = None
        if isinstance(light, HasChannels):
            self._channel = light.channel
        if self._names and self._channel is None:
            raise ValueError(
                "Channels need a light: choose a Light."
                if light is None
                else f"The light {light.name} has no channels: leave Channels unticked."
            )
        self.sequence = self._names if len(self._names) > 1 else ("",)
        self.readables: list[Readable[Any]] = []
        if isinstance(self._channel, Readable):
            self.readables.append(self._channel)

    @property
    def is_cycling(self) -> bool:
        """Whether there are channels to cycle through."""
        return len(self.sequence) > 1

    def go_to(self, name: str) -> MsgGenerator[None]:
        """Set the channel and wait for it; do nothing for an empty `name`.

        Raises
        ------
        TimeoutError
            If the light takes longer than `CHANNEL_SECONDS`.
        """
        if name:
            assert self._channel is not None  # only a light with channels has names of them
            said = f"{self._light} did not go to {name}"
            yield from set_within(CHANNEL_SECONDS, self._channel, name, said)

    def restored_after(self, plan: MsgGenerator[Any]) -> MsgGenerator[Any]:
        """Run `plan`, then restore the channel that was set before."""
        if not self._names:
            return (yield from plan)
        before = ""
        for reading in (yield from read_positions(self.readables)).values():
            before = reading["value"]

        def first() -> MsgGenerator[Any]:
            if not self.is_cycling:
                yield from self.go_to(self._names[0])
            return (yield from plan)

        # The name is empty for a light whose parts match no channel.
        return (yield from bpp.finalize_wrapper(first(), lambda: self.go_to(before)))
