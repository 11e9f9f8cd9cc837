"""Emitting signals from any thread."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from psygnal import EmitLoopError

if TYPE_CHECKING:
    from psygnal import SignalInstance

_log = logging.getLogger("napari_skylight")


def announce(signal: SignalInstance, *args: Any) -> None:
    """Emit `signal`; log listeners that raise, so that they do not fail the plan."""
    try:
        signal.emit(*args)
    except (EmitLoopError, RecursionError):  # psygnal lets the latter through
        _log.exception("A listener to %r failed", signal.name)
