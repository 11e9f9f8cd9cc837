"""The device that processes the frames stashed in it, on a thread of its own."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_skylight.engine import Status
from napari_skylight.frames._frame import batch_from_reading
from napari_skylight.protocols import StashRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bluesky.protocols import Reading
    from numpy.typing import NDArray

    from napari_skylight.frames import Frame, FrameCache
    from napari_skylight.frames._frame import Images
    from napari_skylight.protocols import Recorder

    Function = Callable[[NDArray[Any]], NDArray[Any]]

_log = logging.getLogger("napari_skylight")

_SECONDS = 1.0  # between two looks of the thread at whether it has ended


def read_only(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return a view of `pixels` that cannot be written."""
    view = pixels.view()
    view.flags.writeable = False
    return view


class _Given(NamedTuple):
    """A copy of a frame."""

    pixels: NDArray[Any]
    taken: float  # seconds since the epoch
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProcessorCounts:
    """The frames given to a processor.

    ``given == processed + skipped + failed + waiting``; those recorded are not among them.
    """

    given: int = 0
    processed: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def waiting(self) -> int:
        """Frames that are not processed yet: at most two."""
        return self.given - self.processed - self.skipped - self.failed


class LiveProcessor:
    """Processes the newest frame stashed in it, and stashes the result in `cache`; a `HasCache`.

    A stash copies the newest frame and returns; a frame that the thread has not begun is replaced.
    The thread, ``skylight-process-<name>``, runs from the first stash to `end`.

    Parameters
    ----------
    name : str
        The name of the results, which is also their image key.
    make : callable
        Makes the function that processes the frames: at the start, after `clear`, after an error,
        and for another shape or dtype. The function gets a frame, read-only and valid until it
        returns, and returns another.
    cache : FrameCache
        Where the results are shown.
    on_failed : callable
        Called with the first error of the function.
    make_recorder : callable, optional
        Makes a recorder of the results.
    """

    parent = None

    def __init__(
        self,
        name: str,
        make: Callable[[], Function],
        cache: FrameCache,
        on_failed: Callable[[Exception], None],
        make_recorder: Callable[[LiveProcessor], Recorder] | None = None,
    ) -> None:
        self.name = name
        self.make = make
        self._cache = cache
        self._on_failed = on_failed
        self._make_recorder = make_recorder
        self._changed = threading.Condition()
        self._counts = ProcessorCounts()
        self._next: _Given | None = None
        self._spare: list[NDArray[Any]] = []
        self._thread: threading.Thread | None = None
        self._ended = False
        self._restart = False
        self._has_failed = False

    def __repr__(self) -> str:
        return f"<LiveProcessor {self.name!r}>"

    @property
    def counts(self) -> ProcessorCounts:
        """The frames given to it so far."""
        with self._changed:
            return self._counts

    def stash(self, values: dict[str, Reading[Any]]) -> Status:
        """Copy the newest frame in `values` for the thread; see `FrameCache.stash`.

        The status is already done. It fails with ValueError if `values` has no usable image.
        """
        status = Status()
        try:
            batch = batch_from_reading(values)
        except ValueError as error:
            status.set_exception(error)
            return status
        status.set_finished()
        images = next(iter(batch.images.values()))
        try:
            copy = self._buffer(images)
        except MemoryError as error:  # the plan goes on
            self._count("given", batch.length)
            self._count("skipped", batch.length - 1)
            self._fail(error)
            return status
        np.copyto(copy, images.pixels[-1])
        given = _Given(copy, images.taken(batch.length - 1), batch.metadata)
        with self._changed:
            if not self._ended:
                self._put(given, batch.length)
                if self._thread is None:
                    self._start()
                self._changed.notify()
        return status

    def clear(self) -> Status:
        """Forget the frames before; the next one starts the process again."""
        with self._changed:
            self._restart = True
        return self._cache.clear()

    def recorder(self) -> Recorder:
        """Return a recorder that processes every frame stashed in it, from its first one on.

        It shows the results, too: while it records, frames are stashed in it only.
        """
        if self._make_recorder is None:
            raise RuntimeError("This processor cannot record: use those of a Session.")
        with self._changed:
            self._restart = True  # afterwards
        return self._make_recorder(self)

    def for_each(self) -> Callable[[NDArray[Any], Frame], NDArray[Any]]:
        """Return a function that processes each frame, shows the result, and returns it."""
        function = self.make()

        def process(pixels: NDArray[Any], frame: Frame) -> NDArray[Any]:
            result = np.asarray(function(read_only(pixels)))
            self.show(result, frame.timestamp, frame.metadata)
            return result.view(np.uint8) if result.dtype.kind == "b" else result

        return process

    def show(self, pixels: NDArray[Any], taken: float, metadata: Mapping[str, Any]) -> None:
        """Stash a result in the cache; raise ValueError or `StashRefused` if it cannot be shown."""
        values: dict[str, Reading[Any]] = {
            key: {"value": value, "timestamp": taken} for key, value in metadata.items()
        }
        status = self._cache.stash({**values, self.name: {"value": pixels, "timestamp": taken}})
        if (error := status.exception(0)) is not None:
            raise error

    def end(self) -> None:
        """End the thread after the newest frame; later ones are ignored. Never waits."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def join(self, seconds: float) -> bool:
        """Wait for the thread; return whether it has ended."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return thread is None or not thread.is_alive()

    # -- with the lock

    def _start(self) -> None:
        self._thread = threading.Thread(
            target=self._run, name=f"skylight-process-{self.name}", daemon=True
        )
        self._thread.start()

    def _put(self, given: _Given, length: int) -> None:
        replaced, self._next = self._next, given
        if replaced is not None:
            self._spare = [replaced.pixels]
        counts = self._counts
        self._counts = replace(
            counts,
            given=counts.given + length,
            skipped=counts.skipped + length - (replaced is None),
        )

    def _buffer(self, images: Images) -> NDArray[Any]:
        with self._changed:
            spare = self._spare.pop() if self._spare else None
        if spare is not None and (spare.shape, spare.dtype) == (images.shape, images.dtype):
            return spare
        return np.empty(images.shape, images.dtype)

    # -- on the thread

    def _run(self) -> None:
        function: Function | None = None
        kind: Any = None
        while (given := self._take()) is not None:
            with self._changed:
                again, self._restart = self._restart, False
            pixels = given.pixels
            if again or kind != (pixels.shape, pixels.dtype):
                function, kind = None, (pixels.shape, pixels.dtype)
            try:
                function = self.make() if function is None else function
                self._process(function, given)
            except Exception as error:  # noqa: BLE001 - of the user's function: the plan goes on
                function = None
                self._fail(error)
            with self._changed:
                self._spare = [pixels]

    def _take(self) -> _Given | None:
        """Return the newest frame; None if there is none and the thread is to end."""
        with self._changed:
            while self._next is None and not self._ended:
                self._changed.wait(_SECONDS)
            given, self._next = self._next, None
            return given

    def _process(self, function: Function, given: _Given) -> None:
        result = np.asarray(function(read_only(given.pixels)))
        if self._restart:  # cleared meanwhile
            self._count("skipped")
        else:
            self.show(result, given.taken, given.metadata)
            self._count("processed")

    def _fail(self, error: Exception) -> None:
        self._count("failed")
        if not self._has_failed and not isinstance(error, StashRefused):  # the cache says it
            self._has_failed = True
            self._on_failed(error)
        else:
            _log.debug("%s failed again.", self.name, exc_info=error)

    def _count(self, name: str, number: int = 1) -> None:
        with self._changed:
            self._counts = replace(self._counts, **{name: getattr(self._counts, name) + number})
