"""The cameras of a live plan as sources of frames: triggered or streaming."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bluesky.protocols import Status
from bluesky.utils import Msg, MsgGenerator, short_uid

from napari_skylight.engine.actions import SRLatch
from napari_skylight.plans._device_plans import Readings
from napari_skylight.protocols import Camera, FrameBatch, StreamingCamera


class Exposures:
    """Triggers several cameras at once, one frame each.

    Parameters
    ----------
    cameras : Sequence[Camera]

    Attributes
    ----------
    done : SRLatch
        Set when all frames are ready, for a plan that waits for other things too.
    """

    def __init__(self, cameras: Sequence[Camera]) -> None:
        self._cameras = cameras
        self._group = ""
        self.done = SRLatch()

    @property
    def pending(self) -> bool:
        """Whether triggered frames were not read yet."""
        return bool(self._group)

    def begin(self) -> MsgGenerator[None]:
        """Trigger every camera."""
        if not self._cameras:
            return
        # Plain messages: each of bluesky's stubs formats a stack trace.
        self.done.reset()
        self._group = short_uid("trigger")
        statuses: list[Status] = []
        for camera in self._cameras:
            status = yield Msg("trigger", camera, group=self._group)
            if status is not None:
                statuses.append(status)

        def on_done(_status: Status) -> None:
            if all(status.done for status in statuses):
                self.done.set()

        for status in statuses:
            status.add_callback(on_done)
        if not statuses:
            self.done.set()

    def complete(self) -> MsgGenerator[Sequence[Camera]]:
        """Wait for the triggered frames; return the cameras to read."""
        if not self._group:
            return ()
        yield Msg("wait", None, group=self._group)
        self._group = ""
        return self._cameras

    def finish(self) -> MsgGenerator[list[tuple[Camera, Readings]]]:
        """Wait for the triggered frames; return each camera with its reading, without an event."""
        taken = []
        for camera in (yield from self.complete()):
            reading = yield Msg("read", camera)
            taken.append((camera, reading))
        return taken


class Streams:
    """Streams several cameras and remembers the last frame collected from each.

    Parameters
    ----------
    cameras : Sequence[StreamingCamera]
    """

    def __init__(self, cameras: Sequence[StreamingCamera]) -> None:
        self._cameras = cameras
        self._collected: dict[StreamingCamera, int] = {}

    def start(self) -> MsgGenerator[None]:
        """Start the streams; the cameras must be staged."""
        for camera in self._cameras:
            self._collected[camera] = yield Msg("start_stream", camera)

    def stop(self) -> MsgGenerator[None]:
        """Stop the streams; frames made so far can still be collected."""
        for camera in self._cameras:
            yield Msg("stop_stream", camera)

    def collect(self, take: Callable[[StreamingCamera, FrameBatch], None]) -> MsgGenerator[None]:
        """Collect every frame made until now.

        Parameters
        ----------
        take : callable
            Called with the camera and each batch, oldest first, before the next message: a stop
            does not lose a batch.
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
