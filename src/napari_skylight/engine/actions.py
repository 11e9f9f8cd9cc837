"""What a user can ask of a plan while it runs: actions, and the latches a plan waits for."""

from __future__ import annotations

import logging
import weakref
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    ClassVar,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    overload,
    runtime_checkable,
)

from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.engine._latch import LOCK, SRLatch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Action",
    "ActionState",
    "ContinousPlan",
    "ContinuousPlan",
    "SRLatch",
    "continous",
    "continuous",
]

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

_logger = logging.getLogger("napari_skylight")


@dataclass(frozen=True)
class ActionState:
    """What a button shows of an action."""

    offered: bool
    """A running plan takes requests for it."""

    pending: int
    """How many requests wait for the plan."""

    on: bool
    """Its latch is set."""


@dataclass(kw_only=True)
class Action:
    """Something a user can ask of a running plan: a click, or a toggle.

    A plan waits for it with `plan_stubs.wait_for_actions`; buttons, menus and scripts call
    `request`. Requests wait in a queue until the plan takes them, one a wait. An action may be made
    anywhere; no event loop is needed.
    """

    name: str
    """What the plan calls it."""

    description: str = ""
    """One line for the user."""

    togglable: bool = False
    """It is switched on and off; otherwise it is clicked."""

    toggle_states: tuple[str, str] = ("On", "Off")
    """What on and off are called."""

    changed: ClassVar[Signal] = Signal(ActionState)
    """Emitted with the new state, on any thread; one that the next overtakes may be left out."""

    @property
    def event_map(self) -> dict[str, SRLatch]:
        """The action's latch by its name, as `wait_for_actions` takes it; always the same latch."""
        return {self.name: self._latch}

    @property
    def pending(self) -> int:
        """How many requests wait for the plan."""
        return len(self._latch.requests)

    @property
    def unanswered(self) -> int:
        """How many clicks the plan has still to answer: those waiting, and the one in hand.

        A plan has one in hand until it resets the latch. Of a toggle only those waiting count.
        """
        state = self.state
        return state.pending + (state.on and not self.togglable)

    @property
    def wanted(self) -> bool:
        """What a toggle will be, on or off, once the plan has taken what waits."""
        latch = self._latch
        with LOCK:
            return latch.requests[-1].state if latch.requests else latch.is_set()

    @property
    def next_request(self) -> bool:
        """What a click asks for: of a toggle the other way than `wanted`, on of any other."""
        return not (self.togglable and self.wanted)

    @property
    def state(self) -> ActionState:
        """What a button shows."""
        latch = self._latch
        with LOCK:
            return ActionState(
                offered=latch.offered, pending=len(latch.requests), on=latch.is_set()
            )

    def request(self, state: bool = True) -> bool:
        """Ask the running plan for this action; from any thread.

        Parameters
        ----------
        state
            For a toggle, whether it shall be on. Asking twice in a row for the same is asking once.

        Returns
        -------
        bool
            Whether a plan that runs, or is paused, offers the action and will take the request. One
            that was told to end takes none.

        Raises
        ------
        ValueError
            When `state` is False and the action is no toggle.
        """
        if not state and not self.togglable:
            raise ValueError(f"The action {self.name!r} is clicked, it cannot be switched off.")
        latch = self._latch
        with LOCK:
            offered = latch.offered
            if offered:
                latch.edges = self.togglable
                latch.add_request(bool(state))
        if offered:
            latch.tell()
        else:
            _logger.warning("Nobody takes the action %r: no running plan offers it.", self.name)
        return offered

    @property
    def _latch(self) -> SRLatch:
        # not a field: it has no place in repr, ==, replace() or a subclass's own __init__
        latch = self.__dict__.get("_latch_")
        if latch is None:
            new = SRLatch()
            new.edges = self.togglable
            new.listener = _Listener(self)
            latch = self.__dict__.setdefault("_latch_", new)  # one thread's, if two get here
        return cast("SRLatch", latch)

    _emitting = False
    _overtaken = False

    def _emit_changed(self) -> None:
        """Emit the state, one thread at a time, until the last one emitted is the latest."""
        with LOCK:
            if self._emitting:
                self._overtaken = True
                return
            self._emitting = True
        while True:
            with LOCK:
                self._overtaken = False
                state = self.state
                news = state != self.__dict__.get("_emitted")
                self.__dict__["_emitted"] = state
            if news:
                announce(self.changed, state)
            with LOCK:
                if not self._overtaken:
                    self._emitting = False
                    return


class _Listener:
    """What a latch calls when it changed; it does not keep the action alive."""

    def __init__(self, action: Action) -> None:
        self._action = weakref.ref(action)

    def __call__(self) -> None:
        action = self._action()
        if action is not None:
            action._emit_changed()


@runtime_checkable
class ContinuousPlan(Protocol[P, R_co]):
    """A plan that says it runs until it is stopped; see `continuous`."""

    __togglable__: bool
    __pausable__: bool

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Make the plan's generator."""
        ...


@overload
def continuous(func: Callable[P, R_co], /) -> ContinuousPlan[P, R_co]: ...


@overload
def continuous(
    *, togglable: bool = True, pausable: bool = False
) -> Callable[[Callable[P, R_co]], ContinuousPlan[P, R_co]]: ...


def continuous(
    func: Callable[P, R_co] | None = None, /, *, togglable: bool = True, pausable: bool = False
) -> ContinuousPlan[P, R_co] | Callable[[Callable[P, R_co]], ContinuousPlan[P, R_co]]:
    """Say of a plan that it runs until it is stopped; a decorator, with or without parentheses.

    The function stays as it is; it gets the attributes ``__togglable__`` and ``__pausable__``.

    Parameters
    ----------
    togglable
        Its button starts and stops it.
    pausable
        It may be paused and resumed.
    """

    def mark(plan: Callable[P, R_co]) -> ContinuousPlan[P, R_co]:
        plan.__togglable__ = togglable  # type: ignore[attr-defined]
        plan.__pausable__ = pausable  # type: ignore[attr-defined]
        return cast("ContinuousPlan[P, R_co]", plan)

    return mark if func is None else mark(func)


# redsun spells them this way
ContinousPlan = ContinuousPlan
continous = continuous
