"""Steps of plans: act on requests, keep frames, set properties."""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING, Any

from bluesky.preprocessors import rewindable_wrapper
from bluesky.utils import Msg, all_safe_rewind, maybe_await, short_uid

from napari_skylight.engine import _errors
from napari_skylight.engine._errors import answer_within
from napari_skylight.engine._event_bundle import trigger_and_read, without_parts

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from typing import Literal

    from bluesky.protocols import Collectable, Movable, Readable, Reading, Status
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

# These yield their messages themselves: each call of a bluesky stub formats a whole stack trace
# first, which costs more than the message.


def set_property(
    obj: Movable[Any], value: Any, /, propr: str, timeout: float | None = None
) -> MsgGenerator[Status]:
    """Set one property of a device that has several, and wait until it has its value.

    Parameters
    ----------
    obj
        A device whose ``set(value, *, propr)`` takes the name of a property.
    value
        What to set it to.
    propr
        The name of the property.
    timeout
        Seconds to wait; None: as long as it takes.

    Returns
    -------
    Status
        What the device's ``set`` returned.

    Raises
    ------
    TypeError
        When the device's ``set`` takes no `propr`.
    """
    _check_takes_propr(obj, propr)
    group = short_uid("set_property")
    status: Status = yield Msg("set", obj, value, group=group, propr=propr)
    yield Msg("wait", None, group=group, timeout=timeout)
    return status


def wait_for_actions(
    events: Mapping[str, SRLatch], timeout: float | None = 0.001, wait_for: WaitFor = "set"
) -> MsgGenerator[tuple[str, SRLatch] | None]:
    """Wait until one of several actions is requested, or its latch changed.

    Parameters
    ----------
    events
        The latches by name, as `Action.event_map` gives them.
    timeout
        Seconds to wait; None: forever.
    wait_for
        The state to wait for, or one for each name.

    Returns
    -------
    tuple or None
        The name and the latch of the earliest, or None when time ran out.
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
    """Read devices into a stream again and again until one of several actions is requested.

    Parameters
    ----------
    objs
        What to trigger and read.
    events
        The latches by name.
    stream_name
        The stream the events go to.
    refresh_period
        Seconds from one read's start to the next one's; a read that takes longer is followed by the
        next at once.
    wait_for
        The state to wait for, or one for each name.

    Returns
    -------
    tuple
        The name and the latch of the earliest, as soon as the read in progress has ended.
    """
    devices = without_parts(objs)
    may_repeat = all_safe_rewind(devices)
    due = time.monotonic()
    found = None
    while found is None:
        yield Msg("checkpoint")
        yield from rewindable_wrapper(trigger_and_read(devices, stream_name), may_repeat)
        now = time.monotonic()
        due = max(due + refresh_period, now)  # what is late stays late: no burst to catch up
        found = yield from wait_for_actions(events, timeout=due - now, wait_for=wait_for)
    return found


def read_and_stash(
    objs: Sequence[Readable[Any]],
    cache_objs: Sequence[HasCache],
    *,
    stream: str = "primary",
    group: str | None = None,
    wait: bool = False,
    along: Sequence[Readable[Any]] = (),
) -> MsgGenerator[dict[str, Reading[Any]]]:
    """Trigger and read devices as one event, and keep each reading in a cache.

    When anything fails on the way, the event is dropped, so that the plan may catch the exception
    and go on.

    Parameters
    ----------
    objs
        What to trigger and read.
    cache_objs
        For each of `objs`, the cache its reading goes to.
    stream
        The stream the event goes to.
    group
        The group of the stashes, to wait for them later; None: one is made up.
    wait
        Wait for each stash before going on.
    along
        Devices to read into the same event; every cache gets their readings along with its own,
        such as the stage position that belongs to a frame.

    Returns
    -------
    dict
        The readings of all `objs` and `along`.

    Raises
    ------
    ValueError
        When there is not one cache for each object; nothing has been triggered then.
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
    """Keep a reading in a cache.

    Parameters
    ----------
    obj
        The cache.
    reading
        What a device's ``read`` returned.
    group
        The group to wait for later; None: one is made up.
    wait
        Wait until it is kept.
    of_event
        The reading belongs to the event that is open, if any: the cache withdraws it when the
        event is dropped.
    """
    group = group or short_uid("stash")
    options = {} if of_event else {"of_event": False}
    yield Msg("stash", obj, reading, group=group, **options)
    if wait:
        yield Msg("wait", None, group=group)


def clear_cache(
    obj: HasCache, *, group: str | None = None, wait: bool = False
) -> MsgGenerator[None]:
    """Empty a cache.

    Parameters
    ----------
    obj
        The cache.
    group
        The group to wait for later; None: one is made up.
    wait
        Wait until it is empty.
    """
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
        said = maybe_await(getattr(obj, method)())
        return await answer_within(_errors.CALL_SECONDS, obj, method, said)

    factories: list[Callable[[], Awaitable[Any]]] = [answer]
    tasks: list[Task[Any]] = yield Msg("wait_for", None, factories)
    return tasks[0].result()


def _check_takes_propr(obj: Movable[Any], propr: str) -> None:
    try:
        parameters = inspect.signature(obj.set).parameters.values()
    except (TypeError, ValueError):  # a callable written in C has no signature to look at
        return
    if not any(p.name == "propr" or p.kind is p.VAR_KEYWORD for p in parameters):
        name = getattr(obj, "name", repr(obj))
        raise TypeError(
            f"{name} has no property {propr!r} to set: its set() takes no 'propr'. "
            "Use set_property on devices that do, and bluesky's mv on the others."
        )
