"""A microscope: devices that belong together; checks of the factories that make them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def _nothing_to_close() -> None:
    """Do nothing: the microscope holds no resources."""


@dataclass(frozen=True)
class Microscope:
    """Devices that belong together, with a title and a function that closes them.

    Parameters
    ----------
    title
        Shown to the user, such as "Simulated microscope".
    devices
        The devices, by their own names; those of ophyd-async are not connected yet.
    close
        Releases threads and hardware, once no plan uses the devices. May be called twice.
    sources
        Where each device is described, in the order of `devices`: "scope.toml, line 12". With
        sources, a device that does not connect is reported and left out. Without, all must connect.
    problems
        Errors of the devices that could not be made.
    """

    title: str
    devices: tuple[Any, ...]
    close: Callable[[], None] = _nothing_to_close
    sources: tuple[str, ...] = ()
    problems: tuple[Exception, ...] = ()


def checked_by(check: Callable[..., object]) -> Callable[[F], F]:
    """Have `check` inspect the arguments of a factory before another microscope is released.

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
