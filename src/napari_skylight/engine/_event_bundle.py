"""Reading devices as one event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from bluesky.protocols import Readable, Triggerable
from bluesky.utils import IllegalMessageSequence, Msg, separate_devices, short_uid

from napari_skylight.engine._protocol_checks import supports

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bluesky.protocols import Reading
    from bluesky.utils import MsgGenerator


def trigger_and_read(
    objs: Sequence[Readable[Any]],
    stream: str,
    keep: Callable[[int, dict[str, Reading[Any]]], MsgGenerator[None]] | None = None,
    along: Sequence[Readable[Any]] = (),
    ready: Sequence[Readable[Any]] = (),
) -> MsgGenerator[dict[str, Reading[Any]]]:
    """Trigger and read devices as one event, which is dropped on an exception.

    Parameters
    ----------
    objs
        The devices.
    stream
        The stream of the event.
    keep
        Called for each of `objs` before the event is saved, with its place and its reading, which
        includes those of `along`.
    along
        Devices to read into the same event.
    ready
        Devices that need no trigger.

    Returns
    -------
    dict
        The readings of all `objs` and `along`.
    """
    group = short_uid("trigger")
    triggered = [obj for obj in (*along, *objs) if obj not in ready and supports(obj, Triggerable)]
    for device in triggered:
        yield Msg("trigger", device, group=group)
    if triggered:
        yield Msg("wait", None, group=group)
    readings: dict[str, Reading[Any]] = {}
    try:
        yield Msg("create", None, name=stream)
        for obj in along:
            readings.update((yield from _read(obj)))
        shared = dict(readings)
        for place, obj in enumerate(objs):
            reading = yield from _read(obj)
            readings.update(reading)
            if keep is not None:
                yield from keep(place, {**reading, **shared} if shared else reading)
    except Exception:  # whatever a device raises, no event stays open
        yield from _drop()
        raise
    yield Msg("save")
    return readings


def without_parts(objs: Sequence[Readable[Any]]) -> Sequence[Readable[Any]]:
    """Leave out devices that are parts of others, or there twice, as bluesky does."""
    if all(hasattr(obj, "parent") for obj in objs):
        return cast("Sequence[Readable[Any]]", separate_devices(objs))
    return objs


def _read(obj: Readable[Any]) -> MsgGenerator[dict[str, Reading[Any]]]:
    reading: dict[str, Reading[Any]] | None = None
    while reading is None:  # a pause may answer with None
        reading = yield Msg("read", obj)
    return reading


def _drop() -> MsgGenerator[None]:
    try:
        yield Msg("drop")
    except IllegalMessageSequence:
        return  # no event was opened; the caller raises why
