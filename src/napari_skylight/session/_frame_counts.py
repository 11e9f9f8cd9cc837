"""How many frames the caches were given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass

from napari_skylight.frames import FrameCache


@dataclass(frozen=True)
class Tally:
    """Frames counted, over all caches of a session."""

    live: int = 0
    """Given to live caches."""

    stacked: int = 0
    """Given to stacks."""

    to_screen: int = 0
    """Stashed into live caches: those the screen shows or skips; of a stack it shows all."""

    dropped: int = 0
    """Turned away, or lost before a plan could stash them."""

    def __sub__(self, before: Tally) -> Tally:
        return Tally(*(a - b for a, b in zip(astuple(self), astuple(before), strict=True)))

    @property
    def frames(self) -> int:
        """Frames the cameras brought: most go to the live view and to a stack both."""
        return max(self.live, self.stacked)

    @classmethod
    def of(cls, caches: Iterable[FrameCache]) -> Tally:
        """Count what `caches` were given since they were made."""
        counts = [(cache.kind, cache.counts) for cache in caches]
        live = [each for kind, each in counts if kind == "live"]
        stacks = [each for kind, each in counts if kind == "stack"]
        # what a stream has lost is told to each of the caches its frames go to
        lost = max(sum(each.lost for each in same) for same in (live, stacks))
        return cls(
            live=sum(each.acquired for each in live),
            stacked=sum(each.acquired for each in stacks),
            to_screen=sum(each.stashed for each in live),
            dropped=sum(each.refused for each in (*live, *stacks)) + lost,
        )
