"""Calls of devices: protocol checks, and time-outs that name the device and the call."""

from __future__ import annotations

import asyncio
import functools
import sys
import typing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

CALL_SECONDS = 60.0
"""Limit for an async call of a device, such as its ``read``; exposures and moves have a status."""

PAUSE_SECONDS = 10.0
"""Limit for one device to pause, resume or stop."""


def device_name(device: Any) -> str:
    """Return the name of a device, or its repr when it has none; a text as it is."""
    return device if isinstance(device, str) else str(getattr(device, "name", None) or repr(device))


def timeout_text(calls: Iterable[tuple[Any, str]], seconds: float) -> str:
    """Return the message for calls, each a device and a method, not done within `seconds`."""
    names = sorted({f"{device_name(device)}: {call}" for device, call in calls})
    return f"{', '.join(names)} timed out after {seconds:g} s. Check the connection and the power."


def name_timeout(error: BaseException | None, device: Any, call: str) -> None:
    """Put the device and the call into the message of a time-out that a device raised."""
    prefix = f"{device_name(device)}: {call} timed out"
    if isinstance(error, TimeoutError) and not str(error).startswith(prefix):
        text = str(error)  # the error is changed, not replaced: plans may look for its type
        error.args = (f"{prefix}. {text}" if text else f"{prefix}.",)


async def answer_in_time(device: Any, call: str, answer: Awaitable[Any]) -> Any:
    """Return what a call of a device returns within `CALL_SECONDS`."""
    return await answer_within(CALL_SECONDS, device, call, answer)


async def answer_within(
    seconds: float | None, device: Any, call: str, answer: Awaitable[Any]
) -> Any:
    """Return what a call of a device returns; its TimeoutError names the device and the call."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await answer
    except TimeoutError as error:
        if limit.expired() and seconds is not None:
            raise TimeoutError(timeout_text([(device, call)], seconds)) from error
        name_timeout(error, device, call)
        raise


@functools.cache
def _members(protocol: type) -> tuple[tuple[str, bool], ...]:
    """Return the name of each member of `protocol`, and whether it is a method."""
    names = typing._get_protocol_attrs(protocol)  # type: ignore[attr-defined]
    return tuple((name, callable(getattr(protocol, name, None))) for name in names)


def supports(obj: Any, protocol: type) -> bool:
    """Return ``isinstance(obj, protocol)``, without Python 3.11's search for the members.

    That takes longer than most messages. Objects and types are not cached: they may change.
    """
    if sys.version_info < (3, 12):
        try:
            for name, is_method in _members(protocol):
                if getattr(obj, name) is None and is_method:
                    break
            else:
                return True
        except Exception:  # noqa: BLE001 - of a property of the device: isinstance decides
            pass
    return isinstance(obj, protocol)
