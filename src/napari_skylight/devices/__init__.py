"""Microscopes: a simulated one (``devices.sim``) and Micro-Manager's (``devices.mmcore``).

Each offers ``microscope(...)``, which returns a `Microscope`. Nothing above this package knows a
concrete device: plans see `napari_skylight.protocols`, and any other Bluesky device does as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """

    title: str
    devices: tuple[Any, ...]
    close: Callable[[], None] = _nothing_to_close
