"""Micro-Manager's core with a configuration loaded."""

from __future__ import annotations

import atexit
import logging
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_skylight.devices.mmcore._thread import CLOSED, CoreThread

CONFIGURATION = "MMConfig_demo.cfg"
END_SECONDS = 1.5
"""How long `close` waits for the threads."""

_logger = logging.getLogger("napari_skylight")


class Core:
    """A core with the configuration `config` loaded, and the threads that call it.

    `camera_thread` is for the camera, `thread` for everything else: an exposure cannot be
    interrupted, and light and stage must stop without waiting for it.
    """

    def __init__(self, config: str | Path | None) -> None:
        self._mmc: Any = _new_core()
        try:
            self.path = _configuration(self._mmc, config)
            _load(self._mmc, self.path)
        except BaseException:  # nothing may stay loaded in any case
            self._mmc.unloadAllDevices()
            raise
        self.camera_thread = CoreThread("skylight-mmcore-camera")
        self.thread = CoreThread("skylight-mmcore")
        self._last_jobs: list[Callable[[], None]] = []
        self._closing = False
        atexit.register(self.close)

    @property
    def mmc(self) -> Any:
        """The ``pymmcore.CMMCore``; RuntimeError once it is closed."""
        if self._mmc is None:
            raise RuntimeError(CLOSED)
        return self._mmc

    def before_close(self, job: Callable[[], None]) -> None:
        """Have `thread` do a `job` before the devices are unloaded."""
        self._last_jobs.append(job)

    def close(self) -> None:
        """End the threads and unload all devices; safe to call twice.

        Waits up to `END_SECONDS` for an exposure; if it takes longer, the devices are unloaded when
        it ends.
        """
        if self._closing:
            return
        self._closing = True
        atexit.unregister(self.close)
        answers = [self.thread.ask(job) for job in self._last_jobs]
        threads = (self.thread, self.camera_thread)
        for thread in threads:
            thread.close()
        until = time.monotonic() + END_SECONDS
        have_ended = [thread.join(max(0.0, until - time.monotonic())) for thread in threads]
        mmc, self._mmc = self._mmc, None
        for error in filter(None, (answer.error for answer in answers)):
            _logger.error("Micro-Manager: %s", error, exc_info=error)
        if all(have_ended):
            mmc.unloadAllDevices()
        else:  # the core unloads them when its last call returns
            _logger.warning(
                "Micro-Manager is still busy; its devices are unloaded when it is done."
            )


def check_configuration(config: str | Path | None = None) -> None:
    """Raise what is wrong with a configuration as far as its text tells; no device is opened."""
    _configuration(_new_core(), config)


def _new_core() -> Any:
    try:
        from pymmcore import CMMCore
        from pymmcore_plus import find_micromanager
    except ImportError as error:
        raise ImportError(
            "Micro-Manager's core is not installed: pip install 'napari-skylight[mmcore]'"
        ) from error
    wanted = os.environ.get("MICROMANAGER_PATH")
    if wanted and not Path(wanted).is_dir():
        raise FileNotFoundError(
            f"MICROMANAGER_PATH is {wanted}, and there is no such folder: correct it, or unset it."
        )
    # Not a CMMCorePlus: the first of these in a process is shared with every pymmcore-plus widget,
    # its callbacks may abort a process that ends before it is closed, and with a Qt window it needs
    # Qt.
    core = CMMCore()
    core.enableFeature("StrictInitializationChecks", True)
    if folder := find_micromanager():
        core.setDeviceAdapterSearchPaths([folder])
        search = os.environ.get("PATH", "").split(os.pathsep)
        if folder not in search:  # Windows looks here for libraries of the adapters
            os.environ["PATH"] = os.pathsep.join([folder, *search])
    return core


def _configuration(mmc: Any, config: str | Path | None) -> Path:
    """Return the file meant by `config`: as named, or next to Micro-Manager's device adapters."""
    adapters = [Path(folder) for folder in mmc.getDeviceAdapterSearchPaths()]
    name = Path(config or CONFIGURATION).expanduser()
    for path in (name, *(folder / name for folder in adapters)):
        if path.is_file():
            _check_text(mmc, path.resolve())
            return path.resolve()
    where = ", ".join(str(folder) for folder in adapters) or "no Micro-Manager found"
    raise FileNotFoundError(
        f"There is no Micro-Manager configuration {name} (looked here and in: {where}). "
        "Name a .cfg file, or set MICROMANAGER_PATH to the folder of Micro-Manager."
    )


def _check_text(mmc: Any, path: Path) -> None:
    try:
        text = path.read_text(errors="replace")  # the labels in it may be in any encoding
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error
    installed, devices = set(mmc.getDeviceAdapterNames()), 0
    for number, line in enumerate(text.splitlines(), start=1):
        command, *fields = line.split(",")
        devices += command == "Device"
        if command == "Device" and len(fields) == 3 and fields[1] not in installed:
            raise _line_error(path, number, line, f"The adapter {fields[1]} is not installed.")
    if not devices:
        raise _no_camera(path)


def _load(mmc: Any, path: Path) -> None:
    try:
        mmc.loadSystemConfiguration(str(path))
    except (OSError, RuntimeError) as error:
        # The core says "Line 4: <the line>" and, below it, what is wrong.
        found = re.match(r"Line (\d+): ([^\n]*)\n(.*)", str(error), re.DOTALL)
        line, text, reason = found.groups() if found else ("?", "", str(error))
        raise _line_error(path, line, text, reason) from error
    if not mmc.getCameraDevice():
        raise _no_camera(path)


def _line_error(path: Path, line: object, text: str, reason: str) -> ValueError:
    return ValueError(
        f"{path}, line {line}: {' '.join(reason.split())} ({text.strip()}). "
        "Correct that line, or choose another configuration file."
    )


def _no_camera(path: Path) -> ValueError:
    return ValueError(
        f"{path} names no camera (a line Property,Core,Camera,<device>): "
        "add one, or choose another configuration file."
    )
