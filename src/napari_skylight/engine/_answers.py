"""Answers to messages that a pause or a suspender interrupted.

bluesky answers such a message with None, and when it repeats the message, it drops the answer.
Here a small plan is put on the engine's stack of plans, above the one that was interrupted: it
sends the message after everything that is repeated, and puts the answer where the plan gets it.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator

    from bluesky.run_engine import RunEngine
    from bluesky.utils import Msg


def is_pausing(engine: RunEngine) -> bool:
    """Return whether the plan is interrupted and will go on later."""
    return engine._state in ("pausing", "suspending")


def answer_later(engine: RunEngine, depth: int, msg: Msg) -> None:
    """Send `msg` when the plan goes on, and give its answer to the plan that waits for it.

    To be called while a command is being cancelled.

    Parameters
    ----------
    depth
        Length of the engine's stack of plans when the command began; a suspender may have added to
        it since.
    """

    def ask() -> Generator[Msg, Any, None]:
        answer = yield msg
        engine._response_stack[depth - 1] = answer

    engine._plan_stack.insert(depth, ask())
    engine._response_stack.append(None)  # the plans above the interrupted one have no answer yet


def answering(
    engine: RunEngine, command: Callable[[Msg], Awaitable[Any]]
) -> Callable[[Msg], Coroutine[Any, Any, Any]]:
    """Return `command`, with an answer for the plan when it is interrupted and repeated.

    Before Python 3.12 a device that waits with `asyncio.wait_for` may swallow the interruption.
    """

    @functools.wraps(command)
    async def answered(msg: Msg) -> Any:
        depth = len(engine._plan_stack)
        try:
            answer = await command(msg)
        except asyncio.CancelledError:
            if is_pausing(engine) and engine._msg_cache and engine._msg_cache[-1] is msg:
                engine._msg_cache.pop()
                answer_later(engine, depth, msg)
            raise
        if engine._state == "pausing":
            asyncio.current_task().cancel()  # type: ignore[union-attr]
        elif engine._state == "suspending":
            engine._response_stack[depth - 1] = answer  # above it is the suspender's by now
            raise asyncio.CancelledError
        return answer

    return answered
