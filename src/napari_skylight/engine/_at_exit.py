"""The engines that are still open when the interpreter exits."""

from __future__ import annotations

import atexit
import time
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from napari_skylight.engine._run_engine import RunEngine

__all__ = ["close_at_exit"]

_EXIT_TIMEOUT = 1.5  # seconds for all engines together

close_at_exit: WeakSet[RunEngine] = WeakSet()


def _close_all() -> None:
    """Give the plans that still run a moment to clean up."""
    end = time.monotonic() + _EXIT_TIMEOUT
    engines = list(close_at_exit)
    for engine in engines:
        engine.stop()
    for engine in engines:
        engine._close(max(0.1, end - time.monotonic()), thread_timeout=0.1)


atexit.register(_close_all)
