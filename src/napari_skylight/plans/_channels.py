"""The channels of a light that a plan goes round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bluesky import preprocessors as bpp
from bluesky.protocols import Movable, Readable
from bluesky.utils import MsgGenerator

from napari_skylight.plans._exposures import read_positions, set_and_wait
from napari_skylight.protocols import HasChannels, Light

__all__ = ["Channels"]

CHANNEL_SECONDS = 30.0
"""How long a light may take to change its channel: a turret may have to turn."""


class Channels:
    """The channels that a plan looks at, one after the other.

    Parameters
    ----------
    light : Light or None
    names : Sequence of str
        One is set once, before the plan; two or more are `turns`.

    Attributes
    ----------
    turns : tuple of str
        What to `go_to`, again and again; an empty text alone where nothing is to be changed.
    along : list of Readable
        The channel, to be read with each frame, if the light has one.

    Raises
    ------
    ValueError
        If there are `names`, and no light that has channels.
    """

    def __init__(self, light: Light | None, names: Sequence[str]) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._light = "" if light is None else light.name
        self._channel: Movable[str] | None = None
        if isinstance(light, HasChannels):
            self._channel = light.channel
        if self._names and self._channel is None:
            raise ValueError(
                "Channels are those of a light: choose a Light."
                if light is None
                else f"The {light.name} has no channels to choose from: leave Channels unticked."
            )
        self.turns = self._names if len(self._names) > 1 else ("",)
        self.along: list[Readable[Any]] = []
        if isinstance(self._channel, Readable):
            self.along.append(self._channel)

    @property
    def several(self) -> bool:
        """Whether it goes round."""
        return len(self.turns) > 1

    def go_to(self, name: str) -> MsgGenerator[None]:
        """Set the channel and wait until the light is there; nothing for an empty `name`.

        Raises
        ------
        TimeoutError
            If it is not there in time: it must not hold up the plan, or its end, for ever.
        """
        if name:
            assert self._channel is not None  # a light without channels has no names of them
            try:
                yield from set_and_wait(self._channel, name, seconds=CHANNEL_SECONDS)
            except TimeoutError as error:
                raise TimeoutError(
                    f"{self._light} did not go to {name} within {CHANNEL_SECONDS:g} s: "
                    "see whether it is connected and has power."
                ) from error

    def restored_after(self, plan: MsgGenerator[Any]) -> MsgGenerator[Any]:
        """Run `plan`, then give back the channel that was set before."""
        if not self._names:
            return (yield from plan)
        before = ""
        for reading in (yield from read_positions(self.along)).values():
            before = reading["value"]

        def first() -> MsgGenerator[Any]:
            if not self.several:
                yield from self.go_to(self._names[0])
            return (yield from plan)

        # A light whose parts were moved one by one is in no channel that has a name.
        return (yield from bpp.finalize_wrapper(first(), lambda: self.go_to(before)))
