"""The engine's states, one of which it is always in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bluesky._vendor.super_state_machine.machines import StateMachine
from bluesky.run_engine import LoggingPropertyMachine, RunEngineStateMachine

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_skylight.engine._run_engine import RunEngine

__all__ = ["EngineStates", "ObservedState"]

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
