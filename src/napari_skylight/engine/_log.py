"""The engine's log, in which what a user asked for is no error."""

from __future__ import annotations

import sys
from asyncio import CancelledError
from typing import Any

from bluesky.log import ComposableLogAdapter
from bluesky.utils import FailedPause, PlanHalt, RequestAbort

__all__ = ["EngineLog"]


class EngineLog(ComposableLogAdapter):
    """bluesky's log adapter, except that a run somebody ended is a line and not a traceback."""

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log the exception being handled, as no error when it is how a user's request arrives."""
        error = sys.exception()
        if isinstance(error, FailedPause):
            self.warning(
                "The plan has no checkpoint to go back to, so it was ended and not paused."
            )
        elif isinstance(error, (RequestAbort, PlanHalt, CancelledError)):
            self.info("The run was ended on request.")
        else:
            super().exception(msg, *args, **kwargs)
