"""How fast frames come."""

from __future__ import annotations

import time
from collections import deque

__all__ = ["Rate"]

_WINDOW = 2.0  # s


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
