"""What other distributions offer by entry points, and whose fault it is when one does not load."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

__all__ = ["EntryPointError", "load", "offered", "owner"]


class EntryPointError(ImportError):
    """An entry point of another distribution did not load; what it raised is the cause."""


def offered(group: str) -> list[EntryPoint]:
    """Return the entry points of `group`, sorted by distribution and name; none is loaded.

    The same distribution may be found twice, by its source and by its installed files.
    """
    found = {(owner(point), point.name, point.value): point for point in entry_points(group=group)}
    return [found[key] for key in sorted(found)]


def owner(point: EntryPoint) -> str:
    """Return the name of the distribution that offers `point`."""
    try:
        name = None if point.dist is None else point.dist.name
    except (KeyError, FileNotFoundError):  # something is left of what was removed
        name = None
    return name or "an unknown package"


def load(point: EntryPoint) -> Any:
    """Return what `point` names.

    Raises
    ------
    EntryPointError
        If it cannot be imported; the message names the distribution and the entry point.
    """
    try:
        return point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever another package's code does when imported
        reason = str(error) or type(error).__name__
        raise EntryPointError(
            f"{owner(point)}: its entry point {point.name} ({point.value}) does not load: {reason}"
        ) from error
