"""Answer a message that a pause or a suspender interrupted.

bluesky gives the plan None for such a message, and repeats it, when it may be repeated at all,
without anybody getting the answer. Here a small plan is put on the engine's stack of plans, right
above the one that was interrupted: it sends the message once everything that is repeated has been,
and leaves the answer where that plan finds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

    from bluesky.run_engine import RunEngine
    from bluesky.utils import Msg

__all__ = ["answer_later", "is_pausing"]


def is_pausing(engine: RunEngine) -> bool:
    """Whether the plan is interrupted in order to go on later."""
    return engine._state in ("pausing", "suspending")


def answer_later(engine: RunEngine, depth: int, msg: Msg) -> None:
    """Have `msg` sent when the plan goes on, and its answer given to the plan that waits for one.

    To be called while a command is being cancelled.

    Parameters
    ----------
    depth
        The length of the engine's stack of plans when the command began; a suspender may have added
        to it since.
    """

    def ask() -> Generator[Msg, Any, None]:
        answer = yield msg
        engine._response_stack[depth - 1] = answer

    engine._plan_stack.insert(depth, ask())
    engine._response_stack.append(None)  # nobody above the interrupted plan has an answer yet
