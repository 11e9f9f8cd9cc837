"""A microscope, and the factories that make devices."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from napari_skylight import _entry_points

F = TypeVar("F", bound=Callable[..., Any])

GROUP = "napari_skylight.devices"
OWN = {
    "simulated_microscope": "napari_skylight.devices.sim.microscope",
    "micro_manager": "napari_skylight.devices.mmcore.microscope",
}


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
    close: Callable[[], None] = lambda: None
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
        raise LookupError("This is not a class or function, so it cannot make devices.")
    return factory  # type: ignore[no-any-return]


def _imported(path: str) -> Any:
    try:
        return pkgutil.resolve_name(path)
    except (Exception, SystemExit) as error:  # whatever a module does when imported
        raise ImportError(str(error) or type(error).__name__) from error
