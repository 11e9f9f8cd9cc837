"""The streams of cameras while a plan runs, and how far their frames were collected."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bluesky.utils import Msg, MsgGenerator

from napari_skylight.protocols import FrameBatch, StreamingCamera


class Streams:
    """The streams of some cameras, and how far the frames of each were collected.

    Parameters
    ----------
    cameras : Sequence[StreamingCamera]
    """

    def __init__(self, cameras: Sequence[StreamingCamera]) -> None:
        self._cameras = cameras
        self._collected: dict[StreamingCamera, int] = {}

    def start(self) -> MsgGenerator[None]:
        """Start the stream of each camera; they must be staged."""
        for camera in self._cameras:
            self._collected[camera] = yield Msg("start_stream", camera)

    def stop(self) -> MsgGenerator[None]:
        """Stop the streams; frames that were made can still be collected."""
        for camera in self._cameras:
            yield Msg("stop_stream", camera)

    def collect(self, take: Callable[[StreamingCamera, FrameBatch], None]) -> MsgGenerator[None]:
        """Collect every frame made until now.

        Parameters
        ----------
        take : callable
            Called with the camera and each batch, oldest first, as soon as it is there: a stop,
            which may come at any message, does not lose it.
        """
        for camera in self._collected:
            newest: int | None = None
            while newest is None or self._collected[camera] < newest:
                after = self._collected[camera]
                batch: FrameBatch = yield Msg("collect_stream", camera, after)
                newest = batch.newest if newest is None else newest
                self._collected[camera] = batch.last
                if batch.reading:
                    take(camera, batch)
