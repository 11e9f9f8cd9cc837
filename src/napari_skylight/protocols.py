"""What a plan may ask of a device, as protocols checkable at run time.

Plans are written over these; they never name a concrete device. Any object that has the members
is accepted: an ophyd or ophyd-async device, or a plain class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from bluesky.protocols import (
    HasName,
    Movable,
    Pausable,
    Readable,
    Reading,
    Stageable,
    Status,
    Stoppable,
    SyncOrAsync,
    Triggerable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "BatchReading",
    "Camera",
    "Focus",
    "FrameBatch",
    "FrameCaches",
    "HasCache",
    "HasChannels",
    "HasChildren",
    "HasExposure",
    "Light",
    "Stage",
    "StashRefused",
    "StreamingCamera",
    "WithdrawingCache",
]


class StashRefused(RuntimeError):  # noqa: N818 - the word the person reads, not an error of the program
    """A cache could not take frames, and says why; the plan may go on without."""


class BatchReading(Reading[Any], total=False):
    """The reading of several frames, along one leading axis; see `HasCache.stash`."""

    timestamps: Sequence[float]
    """When each of them was taken, in seconds as `time.time` counts them."""


@runtime_checkable
class HasCache(Protocol):
    """A device that keeps the readings a plan gives it."""

    def stash(self, values: dict[str, Reading[Any]]) -> Status:
        """Keep `values`, as returned by a device's ``read()``.

        An image may be a batch: one leading axis more than a frame has. Its reading may then be a
        `BatchReading` and say when each frame was taken, with as many ``"timestamps"`` as there are
        frames. Without, all have been taken at the reading's ``"timestamp"``.

        The status ends when they are kept. It fails with `StashRefused` when the cache cannot take
        them and the plan may go on without.
        """
        ...

    def clear(self) -> Status:
        """Forget everything kept; the status ends when nothing is left."""
        ...


@runtime_checkable
class WithdrawingCache(HasCache, Protocol):
    """A cache that can take back a stash, so that its frames and the events always agree."""

    def withdraw(self, status: Status) -> SyncOrAsync[None]:
        """Remove what the stash that returned `status` kept.

        The engine calls it when the event that was open during the stash is dropped: by the plan,
        an error, or the end of the run.
        """
        ...


@runtime_checkable
class Camera(Readable[Any], Triggerable, Protocol):
    """A device whose ``trigger()`` takes a frame and whose ``read()`` returns it.

    One of its data keys is an image: ``describe()`` gives it ``dtype`` "array" and two axes
    ``[height, width]`` (axes of length one in front are allowed). Readings without axes, such as
    ``<name>-exposure`` in ms or ``<name>-pixel_size`` in µm, go with the frame as its metadata.
    """


class FrameBatch(NamedTuple):
    """Frames that a camera running free made one after the other, all with the same settings.

    Attributes
    ----------
    reading : dict of str to Reading
        As a camera's ``read()`` returns it, but the image is an array ``(N, height, width)``, with
        the time of its last frame. The scalars hold for all N frames; ``<name>-dropped`` counts
        the frames lost since the stream was started. Empty when there is no frame.
    times : Sequence of float
        When each of the N frames was taken, in seconds as `time.time` counts them.
    last : int
        The number of the last frame in the batch: what to drain after next time.
    newest : int
        The number of the newest frame the camera has made.
    lost : int
        Frames made between the one that was drained after and the first in the batch, and lost.
    """

    reading: dict[str, Reading[Any]]
    times: Sequence[float]
    last: int
    newest: int
    lost: int


@runtime_checkable
class StreamingCamera(Camera, Stageable, Pausable, Protocol):
    """A camera that can run free: frame after frame at its own rate, on a thread of its own.

    While it does, ``trigger()`` takes no frame of its own: it ends with the first frame made after
    it was called, and ``read()`` returns the newest, with the time `FrameBatch.times` has for it.
    Settings can be set; they hold for the frames begun after that. ``pause()`` and ``resume()``
    interrupt the stream and lose no frame that was made; ``unstage()``, which the engine calls on
    every way out of a plan, ends it. A plan stages the camera before it starts the stream.
    """

    def start_stream(self) -> SyncOrAsync[int]:
        """Run free, until `stop_stream` or ``unstage()``.

        Returns
        -------
        int
            The number of the last frame made before, to drain after; the same one again if the
            camera runs free already.
        """
        ...

    def stop_stream(self) -> SyncOrAsync[None]:
        """Stop running free; what was made until then can still be drained."""
        ...

    def drain(self, after: int) -> SyncOrAsync[FrameBatch]:
        """Return frames made after the one numbered `after`, which are then still there.

        Frames up to `after` are let go of, so asking again, as after a pause, loses and repeats
        nothing. It never waits for frames and does not have to return all there are: the next call
        goes on after `FrameBatch.last`. Raises what ended the stream, after its last frame.
        """
        ...


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

    ``set(True)`` lets light onto the specimen, ``set(False)`` and ``stop()`` keep it off. If it can
    be read, its own data key is described as "boolean". The engine stops every device a plan has
    set, on every way out and, before it pauses it, when it pauses; ``pause()`` keeps the light off
    too, and ``resume()`` gives back the light that was on before either. A second ``stop()`` in a
    row is final.
    """


@runtime_checkable
class HasChannels(Protocol):
    """A light with channels, such as the stains it excites."""

    @property
    def channel(self) -> Movable[str]:
        """The channel; a ``set`` is done when the light is there."""
        ...


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

    def live(self, camera: Camera, channel: str = "") -> HasCache:
        """Return the cache that shows the newest frame of `camera`, or of one channel of it."""
        ...

    def stack(self, camera: Camera, name: str = "snapshots", channel: str = "") -> HasCache:
        """Return the cache that shows every frame stashed into it: the stack `name` of `camera`.

        With a `channel`, it is a stack of the frames of that channel.
        """
        ...
