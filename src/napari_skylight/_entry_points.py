"""Entry points of other distributions, with errors that name the distribution."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any


class EntryPointError(ImportError):
    """An entry point of another distribution cannot be loaded; its exception is the cause."""


def offered(group: str) -> list[EntryPoint]:
    """Return the entry points of `group`, not loaded, sorted by distribution and name."""
    # a distribution may be found twice: its source and its installed files
    found = {(owner(point), point.name, point.value): point for point in entry_points(group=group)}
    return [found[key] for key in sorted(found)]


def owner(point: EntryPoint) -> str:
    """Return the name of the distribution that offers `point`."""
    try:
        name = None if point.dist is None else point.dist.name
    except (KeyError, FileNotFoundError):  # of a distribution that was only partly removed
        name = None
    return name or "an unknown package"


def load(point: EntryPoint) -> Any:
    """Import and return the object that `point` names; raise EntryPointError if that fails."""
    try:
        return point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # another package's code may raise anything
        reason = str(error) or type(error).__name__
        raise EntryPointError(
            f"{owner(point)}: its entry point {point.name} ({point.value}) cannot be loaded: "
            f"{reason}"
        ) from error
