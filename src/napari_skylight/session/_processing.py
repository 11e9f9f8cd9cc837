"""The processes of a session: they end with each run, and their errors are reported."""

from __future__ import annotations

from bluesky.protocols import HasName

from napari_skylight.engine import RunEngine
from napari_skylight.frames import CacheStore
from napari_skylight.processing import LiveProcessor, Processes
from napari_skylight.recording import FrameRecorder, Processing, Recordings
from napari_skylight.session._problems import Problems


def make_processes(
    engine: RunEngine, caches: CacheStore, recordings: Recordings, problems: Problems
) -> Processes:
    """Return the processes of a session."""

    def make_recorder(
        camera: HasName, channel: str, name: str, processor: LiveProcessor
    ) -> FrameRecorder:
        processing = Processing(name, processor.name, processor.for_each())
        return recordings.recorder(camera, channel, processing)

    processes = Processes(caches, make_recorder)

    def on_run_ended(*_: object) -> None:
        processes.end()

    def on_failed(name: str, error: Exception) -> None:
        error.add_note(f"'{name}' could not process a frame; the others go on.")
        problems.report(error)

    engine.run_ended.connect(on_run_ended)
    processes.failed.connect(on_failed)
    return processes
