"""What the engine reports of itself: its state and its log."""

from __future__ import annotations

import sys
from asyncio import CancelledError
from typing import TYPE_CHECKING, Any

from bluesky._vendor.super_state_machine.machines import StateMachine
from bluesky.log import ComposableLogAdapter
from bluesky.run_engine import LoggingPropertyMachine, RunEngineStateMachine
from bluesky.utils import FailedPause, PlanHalt, RequestAbort

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_skylight.engine._run_engine import RunEngine

__all__ = ["EngineLog", "EngineStates", "ObservedState"]

_TRANSITIONS = RunEngineStateMachine.Meta.transitions


class EngineStates(StateMachine):
    """bluesky's states, with ways out of a cleanup that hangs.

    A stop can become an abort, and either of them a halt.
    """

    States = RunEngineStateMachine.States

    class Meta:  # bluesky's state machine reads it
        allow_empty = False
        initial_state = "idle"
        transitions = {
            **_TRANSITIONS,
            "suspending": [*_TRANSITIONS["suspending"], "idle"],
            "stopping": [*_TRANSITIONS["stopping"], "aborting", "halting"],
            "aborting": [*_TRANSITIONS["aborting"], "halting"],
        }
        named_checkers = RunEngineStateMachine.Meta.named_checkers


_NOW = "_state_now"

_set: Callable[..., None] = LoggingPropertyMachine.__set__
_get: Callable[..., Any] = LoggingPropertyMachine.__get__


class ObservedState(LoggingPropertyMachine):
    """The state as an attribute that tells the engine when it was set.

    bluesky looks at it twice a message and locks it each time; here it is kept when it is set.
    """

    def __get__(self, engine: RunEngine | None, owner: type | None = None) -> Any:
        if engine is None:
            return self
        now = vars(engine).get(_NOW)
        return _get(self, engine, owner) if now is None else now

    def __set__(self, engine: RunEngine, state: str) -> None:
        owner = type(engine)
        old = str(_get(self, engine, owner))
        vars(engine).pop(_NOW, None)  # whoever looks meanwhile looks properly
        _set(self, engine, state)
        vars(engine)[_NOW] = _get(self, engine, owner)
        engine._on_state_changed(str(_get(self, engine, owner)), old)


class EngineLog(ComposableLogAdapter):
    """bluesky's log adapter, except that a run somebody ended is a line and not a traceback."""

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log the exception being handled, as no error when it is how a user's request arrives."""
        error = sys.exception()
        if isinstance(error, FailedPause):
            self.warning(
                "The plan has no checkpoint to go back to, so it was ended and not paused."
            )
        elif isinstance(error, (RequestAbort, PlanHalt, CancelledError)):
            self.info("The run was ended on request.")
        else:
            super().exception(msg, *args, **kwargs)
