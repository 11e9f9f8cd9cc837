"""What a link needs of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from psygnal import SignalInstance

    from napari_skylight.frames import CacheStore

__all__ = ["HasFrames"]


class HasFrames(Protocol):
    """What a link needs of a session."""

    caches: CacheStore

    @property
    def state(self) -> Any:
        """The name of a `SessionState`: "idle", "failed", "paused", "stopping" matter here."""
        ...

    @property
    def state_changed(self) -> SignalInstance:
        """Emitted when `state` has changed, on any thread."""
        ...

    @property
    def run(self) -> Any:
        """The run under way or the last one, which `started` tells from others; or None."""
        ...

    @property
    def microscope_changed(self) -> SignalInstance:
        """Emitted when another microscope was opened or closed, on any thread."""
        ...
