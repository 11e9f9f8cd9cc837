"""Devices that belong together, and the check of what they are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

__all__ = ["Microscope", "check_factory", "checked_by"]

F = TypeVar("F", bound=Callable[..., Any])


def _nothing_to_close() -> None:
    """Do nothing: a microscope that holds no resource needs no closing."""


@dataclass(frozen=True)
class Microscope:
    """The devices that belong together, what to call them on screen, and how to let go of them.

    Parameters
    ----------
    title
        What the person reads, such as "Simulated microscope".
    devices
        The devices, by their own names; those of ophyd-async are not connected yet.
    close
        Releases what the devices hold (threads, hardware), once no plan uses them. Calling it twice
        is allowed.
    sources
        Where each device is described, in the order of `devices`: "scope.toml, line 12". Given for
        devices that can do without each other: one that does not connect is told of and left out.
        Without them, all have to connect.
    problems
        Why others, described in the same place, could not be made.
    """

    title: str
    devices: tuple[Any, ...]
    close: Callable[[], None] = _nothing_to_close
    sources: tuple[str, ...] = ()
    problems: tuple[Exception, ...] = ()


def checked_by(check: Callable[..., object]) -> Callable[[F], F]:
    """Let `check` look at the arguments of a factory before another microscope is released.

    It gets the factory's arguments, opens no hardware, and raises for a file that is missing or
    cannot be read.
    """

    def mark(factory: F) -> F:
        factory.__check__ = check  # type: ignore[attr-defined]
        return factory

    return mark


def check_factory(factory: Callable[..., Any]) -> None:
    """Run the check of a factory, or of a `functools.partial` of one; raise what it raises."""
    made = partial(factory)  # of a partial, this is a flat one
    check = getattr(made.func, "__check__", None)
    if check is not None:
        check(*made.args, **made.keywords)
