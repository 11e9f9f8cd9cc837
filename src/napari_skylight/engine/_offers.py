"""Which actions the running plan of an engine offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_skylight.engine._errors import EngineBusyError
from napari_skylight.engine._latch import LOCK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_skylight.engine._latch import SRLatch

__all__ = ["Offers"]


class Offers:
    """The latches of the actions one engine's plan offers; only for them requests are taken."""

    def __init__(self) -> None:
        self.running = False  # while a plan runs, or is paused, nobody else may take its actions
        self.open = True  # requests are taken
        self._latches: list[SRLatch] = []

    def add(self, latches: Iterable[tuple[str, SRLatch]]) -> None:
        """Offer the actions behind the named `latches`; a latch without an action is left alone.

        Raises
        ------
        EngineBusyError
            When the running plan of another engine offers one of them; none is taken then.
        """
        with LOCK:
            added = [
                (name, latch)
                for name, latch in latches
                if latch.listener is not None and latch.holder is not self
            ]
            for name, latch in added:
                if latch.holder is not None and latch.holder.running:
                    raise EngineBusyError(
                        f"The action {name!r} belongs to the plan another engine is running; "
                        "wait until that one ends, or give each plan an action of its own."
                    )
            for _, latch in added:
                latch.requests.clear()  # made to an engine that offered it and never ran
                latch.holder = self
                self._latches.append(latch)
        for _, latch in added:
            latch.tell()

    def begin(self) -> None:
        """Take the requests of a plan that starts; to be told with `tell`."""
        with LOCK:
            self.running = self.open = True

    def withdraw(self) -> None:
        """Take no more requests: the plan is told to end, and will not answer; see `tell`."""
        with LOCK:
            self.open = False

    def tell(self) -> None:
        """Tell who listens to the latches; not with a lock held, for a listener may take it."""
        with LOCK:
            latches = list(self._latches)
        for latch in latches:
            latch.tell()

    def end(self) -> None:
        """Offer nothing any more: forget the requests, and reset what a request had set."""
        with LOCK:
            self.running, self.open = False, True
            latches = [latch for latch in self._latches if latch.holder is self]
            self._latches.clear()
            for latch in latches:
                latch.holder = None
                latch.forget_requests()
        for latch in latches:
            latch.tell()
