"""What a plan may ask of a device, as protocols checkable at run time.

Plans are written over these; they never name a concrete device. Any object that has the members
is accepted: an ophyd or ophyd-async device, or a plain class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from bluesky.protocols import (
    HasName,
    Movable,
    Pausable,
    Readable,
    Reading,
    Status,
    Stoppable,
    Triggerable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Camera",
    "Focus",
    "FrameCaches",
    "HasCache",
    "HasChildren",
    "HasExposure",
    "Light",
    "Stage",
    "StashRefused",
]


class StashRefused(RuntimeError):  # noqa: N818 - the word the person reads, not an error of the program
    """A cache could not take frames, and says why; the plan may go on without."""


@runtime_checkable
class HasCache(Protocol):
    """A device that keeps the readings a plan gives it."""

    def stash(self, values: dict[str, Reading[Any]]) -> Status:
        """Keep `values`, as returned by a device's ``read()``.

        The status ends when they are kept. It fails with `StashRefused` when the cache cannot take
        them and the plan may go on without.
        """
        ...

    def clear(self) -> Status:
        """Forget everything kept; the status ends when nothing is left."""
        ...


@runtime_checkable
class Camera(Readable[Any], Triggerable, Protocol):
    """A device whose ``trigger()`` takes a frame and whose ``read()`` returns it.

    One of its data keys is an image: ``describe()`` gives it ``dtype`` "array" and two axes
    ``[height, width]`` (axes of length one in front are allowed). Readings without axes, such as
    ``<name>-exposure`` in ms or ``<name>-pixel_size`` in µm, go with the frame as its metadata.
    """


@runtime_checkable
class HasExposure(Protocol):
    """A camera whose exposure time can be set, in ms."""

    @property
    def exposure(self) -> Movable[float]:
        """The exposure time, in ms; ``set`` refuses what the camera cannot do."""
        ...


@runtime_checkable
class Light(HasName, Movable[bool], Stoppable, Pausable, Protocol):
    """A light or shutter that is never left on by accident.

    ``set(True)`` lets light onto the specimen, ``set(False)`` and ``stop()`` keep it off. The
    engine stops every device a plan has set, on every way out and, before it pauses it, when it
    pauses; ``pause()`` keeps the light off too, and ``resume()`` gives back the light that was on
    before either.
    """


@runtime_checkable
class Stage(Readable[Any], Protocol):
    """An XY stage, positions in µm."""

    @property
    def x(self) -> Movable[float]:
        """The horizontal position, in µm."""
        ...

    @property
    def y(self) -> Movable[float]:
        """The vertical position, in µm."""
        ...


@runtime_checkable
class Focus(Readable[Any], Movable[float], Protocol):
    """A focus drive, position in µm."""


@runtime_checkable
class HasChildren(Protocol):
    """A device made of named parts, as ophyd-async's are.

    A part that can be set and read is a setting.
    """

    def children(self) -> Iterable[tuple[str, Any]]:
        """Yield the name and the object of each part."""
        ...


@runtime_checkable
class FrameCaches(Protocol):
    """The caches whose frames are shown.

    A plan parameter annotated with it is filled in by the session.
    """

    def live(self, camera: Camera) -> HasCache:
        """Return the cache that shows the newest frame of `camera`."""
        ...

    def stack(self, camera: Camera, name: str = "snapshots") -> HasCache:
        """Return the cache that shows every frame stashed into it: the stack `name` of `camera`."""
        ...
