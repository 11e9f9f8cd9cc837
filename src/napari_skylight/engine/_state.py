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

_TRANSITIONS = RunEngineStateMachine.Meta.transitions


class EngineStates(StateMachine):
    """bluesky's states; a stop can become an abort, and either a halt, when a cleanup hangs."""

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
    """The state as an attribute that calls the engine when it is set.

    bluesky reads it twice a message, each time with a lock; here the value is cached.
    """

    def __get__(self, engine: RunEngine | None, owner: type | None = None) -> Any:
        if engine is None:
            return self
        now = vars(engine).get(_NOW)
        return _get(self, engine, owner) if now is None else now

    def __set__(self, engine: RunEngine, state: str) -> None:
        owner = type(engine)
        old = str(_get(self, engine, owner))
        vars(engine).pop(_NOW, None)  # readers meanwhile take the lock
        _set(self, engine, state)
        vars(engine)[_NOW] = _get(self, engine, owner)
        engine._on_state_changed(str(_get(self, engine, owner)), old)


class EngineLog(ComposableLogAdapter):
    """bluesky's log adapter; the end of a run on request is one line, not a traceback."""

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log the exception being handled; the user's requests are not errors."""
        error = sys.exception()
        if isinstance(error, FailedPause):
            self.warning("The plan has no checkpoint to resume from: it was ended, not paused.")
        elif isinstance(error, (RequestAbort, PlanHalt, CancelledError)):
            self.info("The run was ended on request.")
        else:
            super().exception(msg, *args, **kwargs)
