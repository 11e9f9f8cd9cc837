"""What a light was before it was stopped or paused."""

from __future__ import annotations


class LightMemory:
    """Finds the state that ``resume`` restores; None for no state.

    Before a pause, bluesky stops what was set. So ``pause`` keeps the state before a ``stop``,
    unless a ``set`` came in between. A ``stop`` after the pause is final.
    """

    def __init__(self) -> None:
        self.stopped: bool | None = None
        self._paused: bool | None = None

    def on_set(self) -> None:
        self.stopped = self._paused = None

    def on_stop(self, state: bool | None) -> None:
        """Keep the `state` before a stop."""
        self.stopped, self._paused = state, None

    def on_pause(self, state: bool | None) -> None:
        """Keep the `state` before a pause, unless an earlier stop or pause has it."""
        known = (each for each in (self._paused, self.stopped) if each is not None)
        self._paused, self.stopped = next(known, state), None

    def on_resume(self) -> bool | None:
        """Return the state to restore."""
        paused, self._paused = self._paused, None
        return paused
