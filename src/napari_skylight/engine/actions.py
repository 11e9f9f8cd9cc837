"""Actions that users request of a running plan, and the latches that the plan waits for."""

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
    """A running plan accepts requests."""

    pending: int
    """Requests that wait for the plan."""

    on: bool
    """Its latch is set."""


@dataclass(kw_only=True)
class Action:
    """A click or a toggle that users request of a running plan.

    A plan waits for it with `plan_stubs.wait_for_actions`; buttons, menus and scripts call
    `request`. Requests are queued; each wait takes one. It needs no event loop.
    """

    name: str
    """Its name in the plan."""

    description: str = ""
    """One line for the user."""

    togglable: bool = False
    """It is a toggle, not a click."""

    toggle_states: tuple[str, str] = ("On", "Off")
    """The labels for on and off."""

    changed: ClassVar[Signal] = Signal(ActionState)
    """Emitted with the new state, on any thread; states may be skipped."""

    @property
    def event_map(self) -> dict[str, SRLatch]:
        """The name and latch, for `wait_for_actions`; always the same latch."""
        return {self.name: self._latch}

    @property
    def pending(self) -> int:
        """Requests that wait for the plan."""
        return len(self._latch.requests)

    @property
    def unanswered(self) -> int:
        """The clicks that wait, and the one that the plan works on until it resets the latch."""
        state = self.state
        return state.pending + (state.on and not self.togglable)

    @property
    def wanted(self) -> bool:
        """The state of a toggle after all waiting requests."""
        latch = self._latch
        with LOCK:
            return latch.requests[-1].state if latch.requests else latch.is_set()

    @property
    def next_request(self) -> bool:
        """What the next click requests: the opposite of `wanted` for a toggle, else True."""
        return not (self.togglable and self.wanted)

    @property
    def state(self) -> ActionState:
        """The state for a button."""
        latch = self._latch
        with LOCK:
            return ActionState(
                offered=latch.offered, pending=len(latch.requests), on=latch.is_set()
            )

    def request(self, state: bool = True) -> bool:
        """Request this action of the running or paused plan; thread-safe.

        Parameters
        ----------
        state
            The new state of a toggle; equal consecutive requests count once.

        Returns
        -------
        bool
            Whether the plan will take the request; False if it is ending.

        Raises
        ------
        ValueError
            `state` is False and the action is not a toggle.
        """
        if not state and not self.togglable:
            raise ValueError(f"The action {self.name!r} is not a toggle: it has no off.")
        latch = self._latch
        with LOCK:
            offered = latch.offered
            if offered:
                latch.edges = self.togglable
                latch.add_request(bool(state))
        if offered:
            latch.tell()
        else:
            _logger.warning("The action %r was refused: no running plan offers it.", self.name)
        return offered

    @property
    def _latch(self) -> SRLatch:
        # not a field: it belongs neither to repr and == nor to a subclass's __init__
        latch = self.__dict__.get("_latch_")
        if latch is None:
            new = SRLatch()
            new.edges = self.togglable
            new.listener = weakref.WeakMethod(self._emit_changed)
            latch = self.__dict__.setdefault("_latch_", new)  # of two threads, one sets it
        return cast("SRLatch", latch)

    _emitting = False
    _overtaken = False

    def _emit_changed(self) -> None:
        """Emit the state, one thread at a time, until the latest was emitted."""
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


@runtime_checkable
class ContinuousPlan(Protocol[P, R_co]):
    """A plan that runs until it is stopped; see `continuous`."""

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
    """Mark a plan that runs until it is stopped; a decorator, with or without parentheses.

    Parameters
    ----------
    togglable
        Its button starts and stops it; set as ``__togglable__``.
    pausable
        It may be paused and resumed; set as ``__pausable__``.
    """

    def mark(plan: Callable[P, R_co]) -> ContinuousPlan[P, R_co]:
        plan.__togglable__ = togglable  # type: ignore[attr-defined]
        plan.__pausable__ = pausable  # type: ignore[attr-defined]
        return cast("ContinuousPlan[P, R_co]", plan)

    return mark if func is None else mark(func)


# redsun spells them this way
ContinousPlan = ContinuousPlan
continous = continuous
