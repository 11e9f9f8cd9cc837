"""Cameras that run free while a plan goes on, and what the plan takes of their frames."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from bluesky.utils import Msg, MsgGenerator, maybe_await

from napari_skylight.protocols import FrameBatch, StreamingCamera

__all__ = ["Streams"]

T = TypeVar("T")

ANSWER_SECONDS = 10.0
"""How long a camera may take to start, to stop or to hand out its frames."""


class Streams:
    """Some cameras that run free, and how far the frames of each were taken.

    Nothing is lost or taken twice by a pause: cameras are asked for the frames after one that the
    plan names, so they may be asked again.

    Parameters
    ----------
    cameras : Sequence[StreamingCamera]
    """

    def __init__(self, cameras: Sequence[StreamingCamera]) -> None:
        self._cameras = cameras
        self._taken: list[int] = []

    def start(self) -> MsgGenerator[None]:
        """Have the cameras run free; they must be staged."""
        if self._cameras:
            self._taken = yield from _ask([camera.start_stream for camera in self._cameras])

    def stop(self) -> MsgGenerator[None]:
        """Have them stop; what they made is still there."""
        yield from _ask([camera.stop_stream for camera in self._cameras])

    def drain(self, take: Callable[[StreamingCamera, FrameBatch], None]) -> MsgGenerator[None]:
        """Take every frame made until now.

        Parameters
        ----------
        take : callable
            Given each batch and the camera that made it, oldest first, as soon as it is there: a
            stop, which may come at any message, does not lose it.
        """
        until: list[int] = []
        left = list(range(len(self._taken)))
        while left:
            asks = [partial(self._cameras[place].drain, self._taken[place]) for place in left]
            batches = yield from _ask(asks)
            until = until or [batch.newest for batch in batches]
            for place, batch in zip(left, batches, strict=True):
                self._taken[place] = batch.last
                if batch.reading:
                    take(self._cameras[place], batch)
            left = [place for place in left if self._taken[place] < until[place]]


def _ask(methods: Sequence[Callable[[], Any]]) -> MsgGenerator[list[Any]]:
    """Return what `methods` of devices return, sync or async; raise what the first of them does.

    After a pause they may be called once more.
    """
    if not methods:
        return []

    async def answer(method: Callable[[], Any]) -> Any:
        return await maybe_await(method())

    factories: list[Callable[[], Awaitable[Any]]] = [partial(answer, each) for each in methods]
    tasks = yield Msg("wait_for", None, factories, timeout=ANSWER_SECONDS)
    return [task.result() for task in tasks]
