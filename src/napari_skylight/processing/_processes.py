"""The processes of a session, by name."""

from __future__ import annotations

import functools
import inspect
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.processing._built_in import (
    MaximumProjection,
    MedianDivided,
    MedianSubtracted,
    RunningMean,
)
from napari_skylight.processing._live_processor import LiveProcessor

if TYPE_CHECKING:
    from bluesky.protocols import HasName
    from numpy.typing import NDArray

    from napari_skylight.frames import CacheStore
    from napari_skylight.protocols import Recorder

    Function = Callable[[NDArray[Any]], NDArray[Any]]
    MakeRecorder = Callable[[HasName, str, str, LiveProcessor], Recorder]

_BUILT_IN: Mapping[str, type] = {
    "running mean": RunningMean,
    "divided by median": MedianDivided,
    "minus median": MedianSubtracted,
    "maximum projection": MaximumProjection,
}


class Process:
    """Turns the frames of a camera into others; see `protocols.FrameProcess`."""

    parent = None

    def __init__(self, name: str, process: Callable[..., Any], processes: Processes) -> None:
        self.name = name
        self.process = process
        self._processes = processes

    def __repr__(self) -> str:
        return f"<Process {self.name!r}>"

    def processor(self, camera: HasName, channel: str = "", frames: int = 20) -> LiveProcessor:
        """Return a new processor of `camera`; it ends with the plan that the engine runs."""
        return self._processes.make_processor(self, camera, channel, frames)

    def make(self, frames: int) -> Function:
        """Return a function of a frame; `frames` is for a process with a window."""
        if not isinstance(self.process, type):
            return self.process
        takes_frames = "frames" in inspect.signature(self.process).parameters
        made: Function = self.process(frames=frames) if takes_frames else self.process()
        return made


class Processes(Mapping[str, Process]):
    """The built-in processes, and those of the user. Thread-safe.

    Parameters
    ----------
    caches : CacheStore
        Has the caches where results are shown.
    make_recorder : callable, optional
        Makes a recorder of a camera, a channel, the name of a process, and a processor.

    Attributes
    ----------
    failed : Signal(str, Exception)
        Emitted with the first error of each processor and its name, on any thread.
    """

    failed = Signal(str, Exception)

    def __init__(self, caches: CacheStore, make_recorder: MakeRecorder | None = None) -> None:
        self._caches = caches
        self._make_recorder = make_recorder
        self._lock = threading.Lock()
        self._processes = {name: Process(name, each, self) for name, each in _BUILT_IN.items()}
        self._processors: list[LiveProcessor] = []
        self._ending: list[LiveProcessor] = []  # their threads may still run

    def __getitem__(self, name: str) -> Process:
        with self._lock:
            return self._processes[name]

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            return iter(tuple(self._processes))

    def __len__(self) -> int:
        return len(self._processes)

    def add(self, process: Callable[..., Any], name: str | None = None) -> Callable[[], None]:
        """Add a process, or replace one of the user's; return the undo.

        `name` is by default that of the class or function, in words. TypeError if `process` is
        neither; ValueError if a built-in process has the name.
        """
        if not callable(process) or not hasattr(process, "__name__"):
            raise TypeError(
                f"{process!r} is no process: give a function of a frame, or a class whose "
                "instances are such functions."
            )
        if isinstance(process, type):
            _check_class(process)
        words = _words(process.__name__) if name is None else name
        if words in _BUILT_IN or not words.strip() or "." in words:
            raise ValueError(
                f"A process cannot be called {words!r}: give it another name, without a dot."
            )
        ours = Process(words, process, self)
        with self._lock:
            self._processes = {**self._processes, words: ours}

        def remove() -> None:
            with self._lock:
                if self._processes.get(words) is ours:
                    kept = self._processes.items()
                    self._processes = {key: each for key, each in kept if each is not ours}

        return remove

    def make_processor(
        self, process: Process, camera: HasName, channel: str, frames: int
    ) -> LiveProcessor:
        """Return a new processor."""
        cache = self._caches.processed(camera, process.name, channel)
        name = cache.name.replace(".", "_")  # not allowed in a data key

        make_recorder = self._make_recorder
        processor = LiveProcessor(
            name,
            functools.partial(process.make, frames),
            cache,
            lambda error: announce(self.failed, name, error),
            make_recorder and functools.partial(make_recorder, camera, channel, process.name),
        )
        with self._lock:
            self._processors.append(processor)
        return processor

    def end(self) -> None:
        """End every processor; never waits."""
        with self._lock:
            ended, self._processors = self._processors, []
            self._ending = [each for each in (*self._ending, *ended) if not each.join(0)]
        for each in ended:
            each.end()

    def close(self, seconds: float) -> None:
        """End every processor, and wait for their threads up to `seconds`."""
        self.end()
        deadline = time.monotonic() + seconds
        for each in self._ending:
            each.join(max(0.0, deadline - time.monotonic()))


def _check_class(process: type) -> None:
    if not any("__call__" in vars(each) for each in process.__mro__):
        raise TypeError(
            f"{process.__name__} is no process: give it a method __call__(self, frame)."
        )
    needed = [
        each.name
        for each in inspect.signature(process).parameters.values()
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        if each.name != "frames"
    ]
    if needed:
        raise TypeError(
            f"{process.__name__} is made without arguments, or with frames, not with "
            f"{', '.join(needed)}: give the others defaults."
        )


def _words(name: str) -> str:
    """Return the words of a Python name: "flat field" for FlatField and flat_field."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").strip().lower()
