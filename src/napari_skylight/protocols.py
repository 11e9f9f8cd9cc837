"""Protocols of the devices that plans use, checkable at run time.

Plans never name a concrete device. Any object with these members is accepted: an ophyd or
ophyd-async device, or a plain class.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from bluesky.protocols import (
    Collectable,
    Configurable,
    Flyable,
    HasName,
    Movable,
    Pausable,
    Preparable,
    Readable,
    Reading,
    Stageable,
    Status,
    Stoppable,
    SyncOrAsync,
    Triggerable,
    WritesStreamAssets,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = [
    "BatchReading",
    "Camera",
    "Focus",
    "FrameBatch",
    "FrameCaches",
    "FrameProcess",
    "FrameProcessor",
    "HasCache",
    "HasChannels",
    "HasChildren",
    "HasExposure",
    "Light",
    "Recorder",
    "RecordingSettings",
    "Stage",
    "StashRefused",
    "StreamingCamera",
    "WithdrawingCache",
]


class StashRefused(RuntimeError):  # noqa: N818 - shown to the user; not an error of the program
    """A cache could not take frames; the message says why. The plan may continue."""


class BatchReading(Reading[Any], total=False):
    """A reading of several frames along one leading axis; see `HasCache.stash`."""

    timestamps: Sequence[float]
    """Time stamp of each frame, in seconds, as from `time.time`."""


@runtime_checkable
class HasCache(Protocol):
    """A device that keeps the readings that a plan stashes."""

    def stash(self, values: dict[str, Reading[Any]]) -> Status:
        """Keep `values`, as returned by a device's ``read()``.

        An image may be a batch, with one leading axis more than a frame. Its reading may be a
        `BatchReading` with one of ``"timestamps"`` per frame; without them, the reading's
        ``"timestamp"`` is that of all frames.

        The status ends when the frames are kept. It fails with `StashRefused` if the cache cannot
        take them and the plan may continue.
        """

    def clear(self) -> Status:
        """Remove all frames; the status ends when the cache is empty."""


@runtime_checkable
class WithdrawingCache(HasCache, Protocol):
    """A cache that can take back a stash, so that its frames and the events always agree."""

    def withdraw(self, status: Status) -> SyncOrAsync[None]:
        """Remove what the stash that returned `status` kept.

        The engine calls it when the event that was open during the stash is dropped: by the plan,
        an error, or the end of the run.
        """


@dataclass(frozen=True, kw_only=True)
class RecordingSettings:
    """What `Recorder.prepare` takes; None stands for the value of the session."""

    folder: Path | None = None
    """Made if it does not exist."""
    name: str | None = None
    """The template of the file's name; a number is added to a name that is taken."""
    sample: str | None = None
    """What ``{sample}`` in the name stands for."""
    format: str | None = None
    """"ome-zarr" or "ome-tiff"."""
    compression: str | None = None
    """"none" or "zstd"."""
    frames: int | None = None
    """The recording ends after this many frames; None: with `Recorder.complete`."""
    waits: bool = True
    """While the queue is full, a stash waits for room, which holds back a triggered camera.
    Otherwise the recording ends at the first frame that it cannot keep."""

    def for_several(self) -> RecordingSettings:
        """Return settings whose names differ between cameras and channels."""
        if not self.name or "{camera}" in self.name:
            return self
        return replace(self, name=f"{self.name}_{{camera}}")


@runtime_checkable
class Recorder(
    HasCache, Preparable, Flyable, Collectable, Configurable[Any], WritesStreamAssets, Protocol
):
    """A device that writes the frames that a plan stashes to one file.

    ``prepare`` it with `RecordingSettings`, ``kickoff``, stash frames, and ``complete`` it: the
    status ends when every frame is written and the file is closed. It succeeds also if the
    recording ended early, of which `problem` says why.

    Its documents are of a stream of its own, which can be declared when ``get_index()`` is not 0.
    """

    def get_index(self) -> int:
        """Return the number of data points that can be collected."""

    @property
    def is_recording(self) -> bool:
        """Whether it takes frames: kicked off, not complete, and no `problem`."""

    @property
    def problem(self) -> str:
        """Why the recording ended by itself, and what to do; otherwise empty."""


@runtime_checkable
class Camera(Readable[Any], Triggerable, Protocol):
    """A device whose ``trigger()`` takes a frame and whose ``read()`` returns it.

    One of its data keys is an image: ``describe()`` gives it ``dtype`` "array" and the shape
    ``[height, width]``, or ``[height, width, 3]`` in colour (leading axes of length 1 are allowed).
    Scalars, such as ``<name>-exposure`` in ms or ``<name>-pixel_size`` in µm, are the metadata of
    the frame.
    """


class FrameBatch(NamedTuple):
    """Consecutive frames of a streaming camera, all with the same settings."""

    reading: dict[str, Reading[Any]]
    """As from a camera's ``read()``, but the image has a leading axis of length N and the time
    stamp of its last frame. The scalars hold for all N frames; ``<name>-dropped`` counts the
    frames lost since the stream started. Empty if there is no frame."""
    times: Sequence[float]
    """Time stamps of the N frames, in seconds, as from `time.time`."""
    last: int
    """Number of the last frame in the batch: the next `after` of `StreamingCamera.drain`."""
    newest: int
    """Number of the newest frame the camera has made."""
    lost: int
    """Number of frames lost between `after` and the first frame in the batch."""


@runtime_checkable
class StreamingCamera(Camera, Stageable, Pausable, Protocol):
    """A camera that can stream: it takes frames at its own rate, on its own thread.

    While it streams, ``trigger()`` takes no extra frame: its status ends with the next frame, and
    ``read()`` returns the newest, with its time stamp in `FrameBatch.times`. Settings can be set
    and hold for later frames. ``pause()`` and ``resume()`` interrupt the stream and lose no frame;
    ``unstage()``, which the engine calls on every exit from a plan, ends it. A plan stages the
    camera before it starts the stream.
    """

    def start_stream(self) -> SyncOrAsync[int]:
        """Start streaming, until `stop_stream` or ``unstage()``.

        Returns
        -------
        int
            Number of the last frame before the stream, to pass to `drain`; unchanged if the camera
            already streams.
        """

    def stop_stream(self) -> SyncOrAsync[None]:
        """Stop streaming; frames made until then can still be drained."""

    def drain(self, after: int) -> SyncOrAsync[FrameBatch]:
        """Return frames after number `after`, and release the frames up to it.

        A repeated call, as after a pause, loses and repeats no frame. Does not wait for frames and
        may return only some: the next call continues after `FrameBatch.last`. Raises the error that
        ended the stream, after its last frame.
        """


@runtime_checkable
class HasExposure(Protocol):
    """A camera whose exposure time can be set, in ms."""

    @property
    def exposure(self) -> Movable[float]:
        """The exposure time, in ms; ``set`` refuses values that the camera does not support."""


@runtime_checkable
class Light(HasName, Movable[bool], Stoppable, Pausable, Protocol):
    """A light or shutter that is never left on by accident.

    ``set(True)`` switches it on, ``set(False)`` and ``stop()`` switch it off. If it is readable,
    its own data key is described as "boolean". The engine stops every device that a plan has set:
    on every exit, and at a pause before it calls ``pause()``. ``pause()`` keeps the light off,
    ``resume()`` restores the state before the stop or pause. A second ``stop()`` in a row is final.
    """


@runtime_checkable
class HasChannels(Protocol):
    """A light with channels, such as the stains it excites."""

    @property
    def channel(self) -> Movable[str]:
        """The channel; the status of ``set`` ends when the light has arrived."""


@runtime_checkable
class Stage(Readable[Any], Protocol):
    """An XY stage, positions in µm."""

    @property
    def x(self) -> Movable[float]:
        """The horizontal position, in µm."""

    @property
    def y(self) -> Movable[float]:
        """The vertical position, in µm."""


@runtime_checkable
class Focus(Readable[Any], Movable[float], Protocol):
    """A focus drive, position in µm."""


@runtime_checkable
class HasChildren(Protocol):
    """A device made of named parts, such as an ophyd-async device.

    A part that can be set and read is a signal shown in *Devices*.
    """

    def children(self) -> Iterable[tuple[str, Any]]:
        """Yield the name and the object of each part."""


@runtime_checkable
class FrameCaches(Protocol):
    """The caches whose frames are shown.

    The session fills in a plan parameter annotated with this protocol.
    """

    def live(self, camera: Camera, channel: str = "") -> HasCache:
        """Return the cache that shows the newest frame of `camera`, or of one channel of it."""

    def stack(self, camera: Camera, name: str = "snapshots", channel: str = "") -> HasCache:
        """Return the cache that shows every frame stashed into it: the stack `name` of `camera`.

        With a `channel`, it is a stack of the frames of that channel.
        """

    def recorder(self, camera: Camera, channel: str = "") -> Recorder:
        """Return a new recorder of the frames of `camera`, or of one channel of it."""


@runtime_checkable
class FrameProcessor(HasName, HasCache, Protocol):
    """Turns the frames stashed in it into others, which it shows live.

    It skips frames that it has no time for. ``clear`` makes it forget the frames before.
    """

    def recorder(self) -> Recorder:
        """Return a new recorder that writes what the processor makes of the frames stashed in it.

        It processes every frame, from its first one on, and shows the results: while it records,
        frames are stashed in it in place of the processor.
        """


@runtime_checkable
class FrameProcess(HasName, Protocol):
    """What can be done with the frames of cameras while they come, such as a running mean.

    The processes of the session are the choices of a plan parameter annotated with this protocol.
    """

    def processor(self, camera: Camera, channel: str = "", frames: int = 20) -> FrameProcessor:
        """Return a new processor for one run, of `camera` or of one channel of it.

        `frames` is the length of its window, if it has one. The session ends it with the plan.
        """
