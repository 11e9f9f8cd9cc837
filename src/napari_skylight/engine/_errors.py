"""What can go wrong with the engine itself, as opposed to with a plan or a device."""

from __future__ import annotations

__all__ = ["EngineBusyError", "InvalidState", "StatusTimeoutError", "WaitTimeoutError"]


class EngineBusyError(RuntimeError):
    """The engine, or an action, is taken by a plan that runs or is paused."""


class InvalidState(RuntimeError):  # noqa: N818 - the name ophyd gave it, which devices catch
    """A status was completed a second time."""


class StatusTimeoutError(TimeoutError):
    """A status was not completed in the time it was given when it was made."""


class WaitTimeoutError(TimeoutError):
    """A status was not done in the time somebody was ready to wait for it; it may still succeed."""
