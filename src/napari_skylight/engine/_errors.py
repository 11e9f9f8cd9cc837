"""The engine's exceptions, and time-outs that name the device and the call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

CALL_SECONDS = 60.0
"""Limit for an async call of a device, such as its ``read``; exposures and moves have a status."""

PAUSE_SECONDS = 10.0
"""Limit for one device to pause, resume or stop."""


class EngineBusyError(RuntimeError):
    """A running or paused plan uses the engine or the action."""


class InvalidState(RuntimeError):  # noqa: N818 - the name ophyd gave it, which devices catch
    """A status was completed a second time."""


class StatusTimeoutError(TimeoutError):
    """A status was not completed within its `timeout`."""


class WaitTimeoutError(TimeoutError):
    """A wait for a status ran out of time; the status may still succeed."""


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
