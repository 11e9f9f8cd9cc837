"""A plan whose every message is one."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bluesky.utils import Msg
from bluesky.utils import Plan as BlueskyPlan

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["CheckedPlan"]


class CheckedPlan:
    """Stands for the generator of a plan; what is no message, the plan gets back as an error.

    bluesky stumbles over it in words nobody understands, and ends without the plan's cleanup.
    """

    __slots__ = ("_plan", "_send")

    def __init__(self, plan: Generator[Any, Any, Any]) -> None:
        self._plan = plan
        self._send = plan.send

    def send(self, answer: Any) -> Msg:
        """Return the next message."""
        msg = self._send(answer)
        return msg if isinstance(msg, Msg) else self._refuse(msg)

    def throw(self, error: BaseException) -> Msg:
        """Raise `error` in the plan and return its next message."""
        msg = self._plan.throw(error)
        return msg if isinstance(msg, Msg) else self._refuse(msg)

    def close(self) -> None:
        """End the plan where it is."""
        self._plan.close()

    def _refuse(self, yielded: Any) -> Msg:
        where, name = _place(self._plan)
        if isinstance(yielded, BlueskyPlan) or hasattr(yielded, "gi_code"):
            called = getattr(getattr(yielded, "_iter", yielded), "__name__", "another plan")
            text = f"{name} has to say 'yield from {called}(…)', not 'yield {called}(…)' ({where})."
            yielded.close()  # or bluesky complains of it too, on standard error
        else:
            what = reprlib.repr(yielded)
            text = f"{name} yields {what}, which is no message for the engine ({where})."
        return self.throw(TypeError(text))


def _place(plan: Any) -> tuple[str, str]:
    """Return where a plan is, and the name of the innermost one it is made of."""
    while hasattr(inner := getattr(plan, "gi_yieldfrom", None), "gi_code"):
        plan = inner
    code, frame = plan.gi_code, plan.gi_frame
    line = code.co_firstlineno if frame is None else frame.f_lineno
    return f"{Path(code.co_filename).name}, line {line}", plan.__name__
