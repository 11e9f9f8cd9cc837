"""The cache of frames."""

from __future__ import annotations

from math import inf
from threading import Lock
from time import time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.engine import Status
from napari_skylight.frames._frame import CacheCounts, CacheFullError, batch_from_reading, sizes
from napari_skylight.frames._live import LiveFrames
from napari_skylight.frames._reader import FrameReader
from napari_skylight.frames._stack import StackFrames
from napari_skylight.protocols import StashRefused

if TYPE_CHECKING:
    from bluesky.protocols import Reading
    from bluesky.protocols import Status as StatusProtocol

    from napari_skylight.frames._frame import Batch


class LastStash(NamedTuple):
    """Times in s since the epoch; minus infinity for never."""

    timestamp: float
    """The time stamp of the frame."""
    time: float
    """When it was stashed."""


NEVER = LastStash(-inf, -inf)


class FrameCache:
    """Keeps the newest (``live``) or all (``stack``) stashed frames of each image key.

    Thread-safe. Each frame is copied once; then the camera may reuse its memory. Frames are kept in
    native byte order, bool as uint8.

    Parameters
    ----------
    name : str
        The device's name.
    kind : {"live", "stack"}
        A live cache follows any change of shape or dtype. A stack refuses frames that do not fit or
        have another shape or dtype, until it is cleared.
    max_bytes : int
        Limit for all frames of a stack, or for one frame of a live cache, which holds two and one
        more per reader. It may be changed at any time.
    title : str, optional
        The name on screen; default: `name`.
    channel : str
        The channel of its frames; empty for none or any.
    is_processed : bool
        Its frames were made from those of a camera, and are not counted among them.

    Attributes
    ----------
    changed : Signal()
        Emitted once after `FrameReader.arm`, by the next stash, withdrawal or clear, on its thread.
    refused : Signal(str)
        The reason, at each refusal, with the number of frames refused since the last clear if that
        is not 1; empty when the stack is cleared after one.
    """

    changed = Signal()
    refused = Signal(str)
    parent = None

    def __init__(
        self,
        name: str,
        *,
        kind: Literal["live", "stack"],
        max_bytes: int,
        title: str | None = None,
        channel: str = "",
        is_processed: bool = False,
    ) -> None:
        self.name = name
        self.title = name if title is None else title
        self.kind = kind
        self.channel = channel
        self.is_processed = is_processed
        self.max_bytes = max_bytes
        # Taken in this order. `_writing` is held while pixels are copied; readers never take it.
        # `_lock` is held for a few statements.
        self._writing = Lock()
        self._lock = Lock()
        self._frames: dict[str, LiveFrames | StackFrames] = {}
        self._refused = 0
        self._lost = 0
        self._dropped: dict[str, int] = {}  # frames lost by the stream, as last read
        self._announced: dict[str, int] = {}  # frames counted by `announce` and not stashed
        self._last_stash: dict[str, LastStash] = {}  # without announced frames
        self._refused_before = 0  # the last clear
        self._armed = False

    def __repr__(self) -> str:
        return f"<FrameCache {self.name!r} ({self.kind})>"

    @property
    def keys(self) -> tuple[str, ...]:
        """The image keys, in the order of their first frame."""
        return tuple(self._frames)

    @property
    def counts(self) -> CacheCounts:
        """The counts over all image keys."""
        with self._lock:
            stashed = sum(frames.stashed for frames in self._frames.values())
            stashed += sum(self._announced.values())
            kept = sum(frames.kept for frames in self._frames.values())
            withdrawn = sum(frames.withdrawn for frames in self._frames.values())
            return CacheCounts(
                stashed + self._refused,
                stashed,
                self._refused,
                kept,
                self._nbytes,
                self._lost,
                withdrawn,
            )

    @property
    def frame_nbytes(self) -> int:
        """The bytes of the newest frame of a live cache, over all image keys; otherwise 0."""
        frames = tuple(self._frames.values())
        return sum(each.frame_nbytes for each in frames if isinstance(each, LiveFrames))

    @property
    def _nbytes(self) -> int:
        return sum(frames.nbytes for frames in self._frames.values())

    def reader(self) -> FrameReader:
        """Return a new reader."""
        return FrameReader(self)

    def announce(self, key: str, count: int = 1) -> None:
        """Count frames of a live cache now, of which only the newest is stashed, and later."""
        with self._lock:
            self._announced[key] = self._announced.get(key, 0) + count

    def last_stash(self, key: str) -> LastStash:
        """Return the last stash under `key` of frames that were not `announced` before."""
        return self._last_stash.get(key, NEVER)

    def stash(self, values: dict[str, Reading[Any]], *, announced: bool = False) -> Status:
        """Keep the images in `values`, and the other values as their metadata.

        Parameters
        ----------
        values : dict of str to Reading
            As returned by a camera's ``read()``. An array of shape (Y, X), or (Y, X, 3) in colour,
            is a frame; one more leading axis makes it a batch of N frames, whose reading may have N
            ``"timestamps"``, in s. Leading axes of length one are dropped.
        announced : bool
            `announce` has counted its frames.

        Returns
        -------
        Status
            Already done. It fails with `StashRefused` if frames were refused (`CacheFullError` for
            lack of space), and with ValueError if `values` has no usable image.
        """
        status = _StashStatus()
        try:
            batch = batch_from_reading(values)
        except ValueError as error:
            status.set_exception(error)
            return status
        with self._writing:
            problem = self._keep(batch, status.numbers, announced)
            number = self._refused - self._refused_before
        self._announce()
        if problem is None:
            status.set_finished()
        else:
            counted = f"{number} frames were refused. " if number != 1 else ""
            announce(self.refused, f"{counted}{problem}")
            status.set_exception(problem)
        return status

    def withdraw(self, status: StatusProtocol) -> None:
        """Remove the frames of the stash that returned `status` from a stack."""
        with self._writing:
            for key, numbers in cast("_StashStatus", status).numbers.items():
                self._frames[key].withdraw(numbers)
        self._announce()

    def clear(self) -> Status:
        """Forget every frame and free the memory; keys and counts stay."""
        with self._writing, self._lock:
            for frames in self._frames.values():
                frames.clear()
            complained = self._refused > self._refused_before
            self._refused_before = self._refused
        self._announce()
        if complained:
            announce(self.refused, "")
        status = Status()
        status.set_finished()
        return status

    def _keep(
        self, batch: Batch, numbers: dict[str, range], announced: bool
    ) -> StashRefused | None:
        """Copy the frames that fit, note their `numbers`, and return why the rest was refused."""
        frames = {key: self._frames_of(key) for key in batch.images}
        for key in batch.images:
            dropped = batch.metadata.get(f"{key}-dropped")
            if dropped != self._dropped.get(key):
                self._count_lost(key, dropped)
        taken = batch.length
        problem: StashRefused | None = None
        try:
            for key, images in batch.images.items():
                taken = frames[key].make_room(images, taken, self._room(batch))
        except StashRefused as error:
            taken = 0
            problem = StashRefused(f"{self._nothing_added}: {error}. Clear the stack first.")
        except MemoryError:
            taken = 0
            problem = CacheFullError(
                f"{self._nothing_added}: this computer has no memory left for it. "
                "Lower its size in Preferences."
            )
        else:
            if taken < batch.length:
                problem = self._full(batch, taken)
        if taken:
            for key, images in batch.images.items():
                first = frames[key].stashed + 1
                numbers[key] = range(first, first + taken)
                frames[key].put(images, batch, taken)
                if not announced:
                    self._last_stash[key] = LastStash(images.taken(taken - 1), time())
        if announced:
            for key in batch.images:
                self.announce(key, -batch.length)
        if problem is not None:
            with self._lock:
                self._refused += (batch.length - taken) * len(batch.images)
        return problem

    def _count_lost(self, key: str, dropped: Any) -> None:
        """Count the frames that a stream lost; a smaller number than before is a new stream."""
        if not isinstance(dropped, int):  # not streamed
            return
        before = self._dropped.get(key, 0)
        self._dropped[key] = dropped
        with self._lock:
            self._lost += dropped - before if dropped >= before else dropped

    def _frames_of(self, key: str) -> LiveFrames | StackFrames:
        frames = self._frames.get(key)
        if frames is None:
            frames = (LiveFrames if self.kind == "live" else StackFrames)(key, self._lock)
            with self._lock:
                self._frames = {**self._frames, key: frames}  # readers iterate without the lock
        return frames

    def _room(self, batch: Batch) -> int:
        """Return how many more frames of every key in `batch` fit."""
        free = self.max_bytes if self.kind == "live" else self.max_bytes - self._nbytes
        needed = sum([images.frame_nbytes for images in batch.images.values()])
        return max(0, free) // needed

    def _full(self, batch: Batch, taken: int) -> CacheFullError:
        limit = f"{self.max_bytes / 1e6:,.4g} MB"
        if self.kind == "live":
            size = ", ".join(sizes(im.shape, im.dtype) for im in batch.images.values())
            return CacheFullError(
                f"{self._nothing_added}: a frame of {size} is larger than the {limit} a live "
                "cache may take. Raise that size in Preferences."
            )
        kept = sum(frames.kept for frames in self._frames.values()) + taken * len(batch.images)
        some = f"{taken} of {batch.length} frames" if taken else "nothing"
        return CacheFullError(
            f"'{self.title}' is full with {kept} frames ({limit}), {some} added. "
            "Clear the stack, or raise its size in Preferences."
        )

    @property
    def _nothing_added(self) -> str:
        return f"Nothing was added to '{self.title}'"

    def _announce(self) -> None:
        if not self._armed:  # a later `arm` is followed by a look
            return
        with self._lock:
            armed, self._armed = self._armed, False
        if armed:
            announce(self.changed)


class _StashStatus(Status):
    """The status of a stash, with the numbers of its frames by key."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: dict[str, range] = {}
