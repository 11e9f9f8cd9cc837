"""The part of a session that a link needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from psygnal import SignalInstance

    from napari_skylight.frames import CacheStore


class HasFrames(Protocol):
    """The part of a session that a link needs."""

    caches: CacheStore

    @property
    def state(self) -> Any:
        """The name of a `SessionState`: "idle", "failed", "paused", "stopping" matter here."""

    @property
    def state_changed(self) -> SignalInstance:
        """Emitted after a change of `state`, on any thread."""

    @property
    def run(self) -> Any:
        """The run under way, or the last one, or None; `started` identifies it."""

    @property
    def microscope_changed(self) -> SignalInstance:
        """Emitted after a microscope was opened or closed, on any thread."""
