"""The devices of a session: opened, set and stopped, and kept while a plan runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from napari_skylight.devices import Microscope, make_microscope
from napari_skylight.engine import EngineBusyError, RunEngine
from napari_skylight.frames import CacheStore
from napari_skylight.recording import Recordings, RecordingStatus
from napari_skylight.session._devices import Devices
from napari_skylight.session._document_images import DocumentImages
from napari_skylight.session._pending_sets import PendingSets
from napari_skylight.session._problems import Problems
from napari_skylight.session._run_progress import RunProgress
from napari_skylight.session._run_values import RunValues
from napari_skylight.session._tasks import Tasks


class DeviceControl:
    """The part of a `Session` that opens, sets and stops devices."""

    def __init__(self) -> None:
        self.closed = False
        self.engine = RunEngine()
        self.recordings = Recordings()
        self.caches = CacheStore(make_recorder=self.recordings.recorder)
        self._problems = Problems()
        self.devices = Devices(self.engine.loop, self._problems)
        self.tasks = Tasks(self.engine, self.devices, self.caches, self._problems)
        self._sets = PendingSets(self.engine, self.devices, self._problems)
        self.progress = RunProgress(self.engine, self.tasks)
        self.values = RunValues()
        self.values.follow(self.engine)
        self._images = DocumentImages(self.caches)
        self._images.follow(self.engine, self.devices.read_preview)
        self._lock = threading.RLock()
        self.devices_changed = self.devices.changed
        self.microscope_changed = self.devices.microscope_changed
        self.motion_changed = self._sets.motion_changed
        self.engine.subscribe(self.recordings.note_run, "start")  # type: ignore[no-untyped-call]
        self.engine.run_ended.connect(self.recordings.complete)  # a halted plan does not
        self.recordings.failed.connect(self._on_recording_failed)

    @property
    def microscope(self) -> Microscope | None:
        """The open microscope."""
        return self.devices.microscope

    @property
    def opening(self) -> bool:
        """Whether a microscope is being opened; no plan can start meanwhile."""
        return self.devices.opening is not None

    def add_device(self, device: Any) -> Future[None]:
        """Connect `device` on the engine's loop and add it under its name.

        The future fails with ValueError if the name is empty or taken, and with what the device
        raises if it cannot be connected.
        """
        self._check_open()
        return self.devices.add(device)

    def open_microscope(self, factory: Callable[[], Microscope]) -> Future[Microscope]:
        """Call `factory` on its own thread and connect its microscope in place of the former one.

        The former one stays open if the check of the factory fails (see `checked_by`), and is
        opened again if the new one cannot be opened. EngineBusyError if a plan is running.
        """
        with self._lock:
            self._check_idle("Stop the plan before opening another microscope.")
            return self.devices.open(factory)

    def open_devices(self, source: str | Path) -> Future[Microscope]:
        """Open the devices of a TOML file, or of a named factory, as `open_microscope` does.

        Devices that cannot be made or connected are reported with their line in the file; the
        future fails if there are no others. See `napari_skylight.devices.make_microscope`.
        """
        return self.open_microscope(partial(make_microscope, source))

    def ensure_microscope(self, factory: Callable[[], Microscope]) -> Future[Microscope]:
        """Return the microscope that is open or being opened; open one if there is none."""
        with self._lock:
            if self.microscope is None or self.opening:
                return self.devices.opening or self.open_microscope(factory)
            there: Future[Microscope] = Future()
            there.set_result(self.microscope)
            return there

    def set(self, setting: str, value: Any, *, report: bool = True) -> Future[None]:
        """Set a signal of a device, such as ``"camera.exposure"``, also while a plan runs.

        A new value replaces one that is still pending. The future ends when the device has the
        value. It fails with ParameterError without such a signal, or with the device's refusal,
        both reported unless `report` is False; with `SetCancelled` when another value came or the
        device was stopped.
        """
        self._check_open()
        return self._sets.set(setting, value, report)

    def stop_motion(self) -> Future[None]:
        """Stop every device that the user or the running plan has moving; lights stay as they are.

        The future ends when they have stopped; it fails if one cannot be stopped. A plan that waits
        for such a move fails.
        """
        self.progress.expect_answer()
        return self._sets.stop(plan=True)

    @property
    def is_moving(self) -> bool:
        """Whether the user has a device moving."""
        return self._sets.is_moving

    def _on_recording_failed(self, status: RecordingStatus) -> None:
        self._problems.report(status.problem, about=self.recordings)

    def _check_open(self) -> None:
        if self.closed:
            raise RuntimeError("The session was closed: make a new one.")

    def _check_idle(self, message: str) -> None:
        self._check_open()
        if self.tasks.state.busy:
            raise EngineBusyError(message)
