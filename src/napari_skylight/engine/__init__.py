"""Run plans on a thread of their own, act on them from any thread, keep what they read."""

from __future__ import annotations

from bluesky.run_engine import RunEngineResult

from napari_skylight.engine._added_commands import install_commands
from napari_skylight.engine._latch import EngineBusyError
from napari_skylight.engine._run_engine import RunEngine
from napari_skylight.engine._status import (
    InvalidState,
    Status,
    StatusTimeoutError,
    WaitTimeoutError,
)

__all__ = [
    "EngineBusyError",
    "InvalidState",
    "RunEngine",
    "RunEngineResult",
    "Status",
    "StatusTimeoutError",
    "WaitTimeoutError",
    "install_commands",
]
