"""Factories of devices, by name: built-in, from entry points, or by import path."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import Any

from napari_skylight import _entry_points

GROUP = "napari_skylight.devices"
OWN = {
    "simulated_microscope": "napari_skylight.devices.sim.microscope",
    "micro_manager": "napari_skylight.devices.mmcore.microscope",
}


def factory_names() -> tuple[str, ...]:
    """Return the short names of factories: built-in ones, then those of entry points."""
    offered = (point.name for point in _entry_points.offered(GROUP))
    return tuple(dict.fromkeys((*OWN, *offered)))


def find_factory(name: str) -> Callable[..., Any]:
    """Return the factory called `name`; only that is imported.

    Parameters
    ----------
    name : str
        One of `factory_names`, or the full path of a class or function: "ophyd.sim.SynAxis".

    Raises
    ------
    LookupError
        If there is no such factory, or two distributions offer one of that name.
    ImportError
        If it cannot be imported.
    """
    points = [point for point in _entry_points.offered(GROUP) if point.name == name]
    owners = [*(["napari-skylight"] if name in OWN else []), *map(_entry_points.owner, points)]
    if len(owners) > 1:
        path = points[-1].value.replace(":", ".")
        raise LookupError(
            f"{' and '.join(owners)} both offer {name}: write which, such as [[{path}]]."
        )
    if points:
        factory = _entry_points.load(points[0])
    elif name in OWN or "." in name:
        factory = _imported(OWN.get(name, name))
    else:
        raise LookupError(
            f"Nothing makes devices under the name {name}. There are {', '.join(factory_names())}, "
            "and every class and function by its full path, such as ophyd.sim.SynAxis."
        )
    if not callable(factory):
        raise LookupError("That makes no devices: it is no class or function.")
    return factory  # type: ignore[no-any-return]


def _imported(path: str) -> Any:
    try:
        return pkgutil.resolve_name(path)
    except (Exception, SystemExit) as error:  # whatever a module does when imported
        raise ImportError(str(error) or type(error).__name__) from error
