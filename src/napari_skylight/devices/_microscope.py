"""Devices that belong together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Microscope"]


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
