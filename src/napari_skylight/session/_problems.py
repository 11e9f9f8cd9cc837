"""What stands reported: the last thing that went wrong, until it no longer holds."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import CancelledError, Future
from typing import Any

from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.engine import EngineBusyError
from napari_skylight.frames import FrameCache
from napari_skylight.plans.spec import ParameterError
from napari_skylight.session._error_text import cause_of, with_place

_log = logging.getLogger("napari_skylight")

# What a person tried that could not be done; nothing is broken.
_MISTAKES = (EngineBusyError, ParameterError)


class Problems:
    """The problem that stands, in plain words, and the exception behind it.

    Attributes
    ----------
    text : str
        Empty when none stands.
    exception : BaseException or None
    """

    changed = Signal(str)

    def __init__(self) -> None:
        self.text = ""
        self.exception: BaseException | None = None
        self._about: object = None
        self._stands = False
        self._lock = threading.Lock()  # of two threads, neither takes back what the other tells

    def report(
        self, error: BaseException | str | None, about: object = None, stands: bool = False
    ) -> None:
        """Tell of a problem; None takes the last one back.

        One that `stands` is not of the moment: only `take_back` ends it, or another problem.
        """
        if isinstance(error, BaseException):
            exception, text = cause_of(error), with_place(error)
        else:
            exception, text = None, error or ""
        with self._lock:
            if error is None and self._stands:
                return
            news = text != self.text
            self.exception, self.text = exception, text
            self._about, self._stands = about, stands
        if news:
            _log_problem(text, exception)
        announce(self.changed, self.text)

    def take_back(self, about: object) -> None:
        """Take the problem back if it is about `about`."""
        with self._lock:
            if not self.text or self._about is not about:
                return
            self.exception, self.text = None, ""
            self._about, self._stands = None, False
        announce(self.changed, self.text)

    def report_failure(self, future: Future[Any], about: object = None) -> None:
        """Tell of the exception of `future`, if it has ended with one.

        What a closing session has cancelled, itself or something in it, is no problem.
        """
        error = None if future.cancelled() else future.exception()
        if error is not None and not isinstance(error, CancelledError):
            self.report(error, about)

    def follow(self, cache: FrameCache) -> None:
        """Tell of frames that `cache` refuses, until it takes some again."""

        def on_cache_refused(problem: str) -> None:
            if problem:
                self.report(problem, about=cache)
            else:
                self.take_back(cache)

        cache.refused.connect(on_cache_refused)


def _log_problem(text: str, exception: BaseException | None) -> None:
    if isinstance(exception, _MISTAKES) or (text and exception is None):
        _log.warning(text)
    elif exception is not None:
        _log.error(text, exc_info=exception)
