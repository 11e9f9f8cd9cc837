"""Plan stubs for actions, caches and devices with several properties."""

from __future__ import annotations

import contextlib
import inspect
import time
from typing import TYPE_CHECKING, Any, cast

from bluesky.preprocessors import rewindable_wrapper
from bluesky.protocols import Readable, Triggerable
from bluesky.utils import (
    IllegalMessageSequence,
    Msg,
    all_safe_rewind,
    maybe_await,
    separate_devices,
    short_uid,
)

from napari_skylight.engine._calls import answer_in_time, device_name, supports

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from typing import Literal

    from bluesky.protocols import Collectable, Movable, Reading, Status
    from bluesky.utils import MsgGenerator
    from event_model import DataKey

    from napari_skylight.engine.actions import SRLatch
    from napari_skylight.protocols import HasCache

    State = Literal["set", "reset"]
    WaitFor = State | Mapping[str, State]

__all__ = [
    "clear_cache",
    "describe",
    "describe_collect",
    "read_and_stash",
    "read_while_waiting",
    "set_property",
    "stash",
    "trigger_and_read",
    "wait_for_actions",
]

# The messages are made here because each call of a bluesky stub formats a stack trace first.


def set_property(
    obj: Movable[Any], value: Any, /, propr: str, timeout: float | None = None
) -> MsgGenerator[Status]:
    """Set the property `propr` of a device and wait up to `timeout` seconds; return the status.

    Raises
    ------
    TypeError
        The device's ``set`` takes no `propr`.
    """
    _check_takes_propr(obj, propr)
    group = short_uid("set_property")
    status: Status = yield Msg("set", obj, value, group=group, propr=propr)
    yield Msg("wait", None, group=group, timeout=timeout)
    return status


def wait_for_actions(
    events: Mapping[str, SRLatch], timeout: float | None = 0.001, wait_for: WaitFor = "set"
) -> MsgGenerator[tuple[str, SRLatch] | None]:
    """Wait until an action is requested or its latch changes.

    Parameters
    ----------
    events
        The latches by name, such as `Action.event_map`.
    timeout
        Seconds to wait; None: no limit.
    wait_for
        The state to wait for, or one for each name.

    Returns
    -------
    tuple or None
        Name and latch of the earliest; None after the time-out.
    """
    found: tuple[str, SRLatch] | None = yield Msg(
        "wait_for_actions", None, events, timeout=timeout, wait_for=wait_for
    )
    return found


def read_while_waiting(
    objs: Sequence[Readable[Any]],
    events: Mapping[str, SRLatch],
    stream_name: str = "primary",
    refresh_period: float = 1 / 60,
    wait_for: WaitFor = "set",
) -> MsgGenerator[tuple[str, SRLatch]]:
    """Trigger and read devices repeatedly until an action is requested.

    Parameters
    ----------
    events, wait_for
        As for `wait_for_actions`.
    refresh_period
        Seconds from the start of one read to the next, or longer if a read takes longer.

    Returns
    -------
    tuple
        Name and latch of the earliest, after the current read.
    """
    devices = _without_parts(objs)
    may_repeat = all_safe_rewind(devices)
    due = time.monotonic()
    found = None
    while found is None:
        yield Msg("checkpoint")
        yield from rewindable_wrapper(trigger_and_read(devices, stream_name), may_repeat)
        now = time.monotonic()
        due = max(due + refresh_period, now)  # no burst after a delay
        found = yield from wait_for_actions(events, timeout=due - now, wait_for=wait_for)
    return found


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
        All readings.
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
        with contextlib.suppress(IllegalMessageSequence):  # no event was opened
            yield Msg("drop")
        raise
    yield Msg("save")
    return readings


def read_and_stash(
    objs: Sequence[Readable[Any]],
    cache_objs: Sequence[HasCache],
    *,
    stream: str = "primary",
    group: str | None = None,
    wait: bool = False,
    along: Sequence[Readable[Any]] = (),
) -> MsgGenerator[dict[str, Reading[Any]]]:
    """Trigger and read devices as one event, stash their readings, and return them.

    On any exception the event is dropped and the caches withdraw its frames; the plan may catch the
    exception.

    Parameters
    ----------
    cache_objs
        The cache of each of `objs`.
    group
        The group of the stashes; None makes one.
    wait
        Wait for each stash.
    along
        Devices, such as a stage, that are read into the event and into each cache.

    Raises
    ------
    ValueError
        There is not one cache for each device.
    """
    if len(objs) != len(cache_objs):
        raise ValueError(
            f"read_and_stash needs one cache for each object: got {len(objs)} objects "
            f"and {len(cache_objs)} caches."
        )

    def keep(place: int, reading: dict[str, Reading[Any]]) -> MsgGenerator[None]:
        yield from stash(cache_objs[place], reading, group=group, wait=wait)

    return (yield from trigger_and_read(objs, stream, keep, along))


def stash(
    obj: HasCache,
    reading: dict[str, Reading[Any]],
    *,
    group: str | None,
    wait: bool,
    of_event: bool = True,
) -> MsgGenerator[None]:
    """Stash a device's reading in a cache.

    Parameters
    ----------
    group
        The group of the status; None makes one.
    wait
        Wait for the status.
    of_event
        The cache withdraws the reading if the open event is dropped.
    """
    group = group or short_uid("stash")
    options = {} if of_event else {"of_event": False}
    yield Msg("stash", obj, reading, group=group, **options)
    if wait:
        yield Msg("wait", None, group=group)


def clear_cache(
    obj: HasCache, *, group: str | None = None, wait: bool = False
) -> MsgGenerator[None]:
    """Clear a cache; see `stash` for `group` and `wait`."""
    group = group or short_uid("clear_cache")
    yield Msg("clear_cache", obj, group=group)
    if wait:
        yield Msg("wait", None, group=group)


def describe(obj: Readable[Any]) -> MsgGenerator[dict[str, DataKey]]:
    """Return what ``obj.describe()`` returns, sync or async."""
    keys: dict[str, DataKey] = yield from _ask(obj, "describe")
    return keys


def describe_collect(
    obj: Collectable,
) -> MsgGenerator[dict[str, DataKey] | dict[str, dict[str, DataKey]]]:
    """Return what ``obj.describe_collect()`` returns, sync or async."""
    keys: dict[str, Any] = yield from _ask(obj, "describe_collect")
    return keys


def _ask(obj: Any, method: str) -> MsgGenerator[Any]:
    async def answer() -> Any:
        return await answer_in_time(obj, method, maybe_await(getattr(obj, method)()))

    factories: list[Callable[[], Awaitable[Any]]] = [answer]
    tasks: list[Task[Any]] = yield Msg("wait_for", None, factories)
    return tasks[0].result()


def _check_takes_propr(obj: Movable[Any], propr: str) -> None:
    try:
        parameters = inspect.signature(obj.set).parameters.values()
    except (TypeError, ValueError):  # a callable written in C has no signature
        return
    if not any(p.name == "propr" or p.kind is p.VAR_KEYWORD for p in parameters):
        raise TypeError(
            f"{device_name(obj)} has no property {propr!r} to set: its set() takes no 'propr'. "
            "Use set_property on devices that do, and bluesky's mv on the others."
        )


def _without_parts(objs: Sequence[Readable[Any]]) -> Sequence[Readable[Any]]:
    """Leave out devices that are parts of others, or there twice, as bluesky does."""
    if all(hasattr(obj, "parent") for obj in objs):
        return cast("Sequence[Readable[Any]]", separate_devices(objs))
    return objs


def _read(obj: Readable[Any]) -> MsgGenerator[dict[str, Reading[Any]]]:
    reading: dict[str, Reading[Any]] | None = None
    while reading is None:  # a pause may answer with None
        reading = yield Msg("read", obj)
    return reading
