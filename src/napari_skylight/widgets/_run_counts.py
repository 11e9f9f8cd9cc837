"""How many frames a run has brought, and how fast: the caches' counts since its start."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import astuple, dataclass
from weakref import WeakKeyDictionary

from napari_skylight.session import Session

__all__ = ["Rate", "Tally", "tally_of_run"]

_WINDOW = 2.0  # s


@dataclass(frozen=True)
class Tally:
    """Frames counted, over all caches of a session."""

    live: int = 0
    stacked: int = 0
    to_screen: int = 0
    """Stashed into live caches: those the screen shows or skips; of a stack it shows all."""
    dropped: int = 0

    def __sub__(self, before: Tally) -> Tally:
        return Tally(*(a - b for a, b in zip(astuple(self), astuple(before), strict=True)))

    @property
    def frames(self) -> int:
        """Frames the cameras brought: most go to the live view and to a stack both."""
        return max(self.live, self.stacked)

    @classmethod
    def of(cls, session: Session) -> Tally:
        """Count what the caches of `session` were given since they were made."""
        counts = [(cache.kind, cache.counts) for cache in session.caches]
        return cls(
            live=sum(each.acquired for kind, each in counts if kind == "live"),
            stacked=sum(each.acquired for kind, each in counts if kind == "stack"),
            to_screen=sum(each.stashed for kind, each in counts if kind == "live"),
            dropped=sum(each.refused for _, each in counts),
        )


# one for all docks of a session, so that one opened later counts from the start of the run too
_starts: WeakKeyDictionary[Session, tuple[float, Tally]] = WeakKeyDictionary()


def tally_of_run(session: Session) -> Tally:
    """Return what the current or last run brought, from the first time this was asked during it."""
    now = Tally.of(session)
    started = 0.0 if session.run is None else session.run.started
    known = _starts.get(session)
    if known is None or known[0] != started:
        known = _starts[session] = (started, now)
    return now - known[1]


class Rate:
    """How fast a count grows, over the last two seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def reset(self) -> None:
        """Forget what was."""
        self._seen.clear()

    def update(self, count: int, now: float | None = None) -> float:
        """Take note of `count` and return its growth per second."""
        now = time.monotonic() if now is None else now
        self._seen.append((now, count))
        while now - self._seen[0][0] > _WINDOW:
            self._seen.popleft()
        then, before = self._seen[0]
        return (count - before) / (now - then) if now > then else 0.0
