"""Which actions the running plan of an engine offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._errors import EngineBusyError
from ._latch import LOCK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._latch import SRLatch

__all__ = ["Offers"]


class Offers:
    """The latches of the actions one engine's plan offers; requests for them are queued, for others refused."""

    def __init__(self) -> None:
        self.running = False  # while a plan runs, or is paused, nobody else may take its actions
        self._latches: dict[str, SRLatch] = {}

    def add(self, latches: Mapping[str, SRLatch]) -> None:
        """Offer the actions behind `latches`; a latch without an action, or offered already, is left alone.

        Raises
        ------
        EngineBusyError
            When the running plan of another engine offers one of them; none is taken then.
        """
        with LOCK:
            added = {
                name: latch
                for name, latch in latches.items()
                if latch.listener is not None and latch.holder is not self
            }
            for name, latch in added.items():
                if latch.holder is not None and latch.holder.running:
                    raise EngineBusyError(
                        f"The action {name!r} belongs to the plan another engine is running; "
                        "wait until that one ends, or give each plan an action of its own."
                    )
            taken = [latch for latch in added.values() if latch.holder is not None]
            for latch in taken:
                latch.requests.clear()
            for name, latch in added.items():
                latch.holder = self
                self._latches[name] = latch
        for latch in added.values():
            latch.tell()

    def end(self) -> None:
        """Offer nothing any more: forget the requests, and reset what a request had set."""
        with LOCK:
            self.running = False
            latches = [latch for latch in self._latches.values() if latch.holder is self]
            self._latches.clear()
            for latch in latches:
                latch.holder = None
                latch.forget_requests()
        for latch in latches:
            latch.tell()
