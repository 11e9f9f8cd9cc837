"""Small plans over devices that the built-in plans share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bluesky.protocols import Movable, Readable, Reading
from bluesky.utils import Msg, MsgGenerator, short_uid

from napari_skylight.engine import plan_stubs
from napari_skylight.protocols import HasCache

Readings = dict[str, Reading[Any]]


def read_positions(devices: Sequence[Readable[Any]]) -> MsgGenerator[Readings]:
    """Read the positions of a stage and a focus drive, without an event."""
    where: Readings = {}
    for device in devices:
        where.update((yield Msg("read", device)))
    return where


def stash_frames(
    cache: HasCache, reading: Readings, *, of_event: bool = True
) -> MsgGenerator[None]:
    """Stash a reading of one or many frames and wait for it."""
    yield from plan_stubs.stash(cache, reading, group=None, wait=True, of_event=of_event)


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
