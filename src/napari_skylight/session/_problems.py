"""The problem that a session reports, and the text for an exception."""

from __future__ import annotations

import logging
import sysconfig
import threading
import traceback
from asyncio import CancelledError
from collections.abc import Sequence
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from bluesky.utils import FailedStatus
from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.engine import EngineBusyError
from napari_skylight.frames import FrameCache
from napari_skylight.plans.spec import ParameterError

_log = logging.getLogger("napari_skylight")

_LIBRARIES = {Path(__file__).parents[1]}
_LIBRARIES |= {Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")}
_REFUSALS = (EngineBusyError, ParameterError)
"""What the user tried cannot be done now; logged without a traceback."""
_BUGS = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError)
"""Exceptions that are shown with the line of the user's code that raised them."""
_WITHOUT_MESSAGE: dict[type[BaseException], str] = {
    TimeoutError: "No answer in time.",
    CancelledError: "Cancelled.",
    KeyError: "A name or key does not exist.",
    AssertionError: "An assertion failed; it has no message.",
}


class Problems:
    """The last problem of a session; its `text` is empty when it no longer holds."""

    changed = Signal(str)
    updated = Signal(str)
    """Emitted in place of `changed` when a cache refuses more frames: only their number is new."""

    def __init__(self) -> None:
        self.text = ""
        self.exception: BaseException | None = None
        self._about: object = None
        self._stands = False
        self._refusing: set[FrameCache] = set()  # those reported since the last None
        self._lock = threading.Lock()

    def report(
        self, error: BaseException | str | None, about: object = None, stands: bool = False
    ) -> None:
        """Report a problem; None takes the last one back.

        A problem that `stands` ends only by `take_back`, or by another problem.
        """
        if isinstance(error, BaseException):
            exception, text = cause_of(error), with_place(error)
        else:
            exception, text = None, error or ""
        with self._lock:
            if error is None:
                self._refusing.clear()
                if self._stands:
                    return
            # a device has no hash
            is_again = isinstance(about, FrameCache) and about in self._refusing
            is_new = text != self.text and not is_again
            self.exception, self.text = exception, text
            self._about, self._stands = about, stands
        if is_new and text:
            is_failure = exception is not None and not isinstance(exception, _REFUSALS)
            level = logging.ERROR if is_failure else logging.WARNING
            _log.log(level, text, exc_info=exception if is_failure else None)
        announce(self.updated if is_again else self.changed, self.text)

    def take_back(self, about: object) -> None:
        """Take the problem back if it is about `about`."""
        with self._lock:
            if not self.text or self._about is not about:
                return
            self.exception, self.text = None, ""
            self._about, self._stands = None, False
        announce(self.changed, self.text)

    def report_failure(self, future: Future[Any]) -> None:
        """Report the exception of `future`, unless it was cancelled."""
        error = None if future.cancelled() else future.exception()
        if error is not None and not isinstance(error, FutureCancelledError):
            self.report(error)

    def follow(self, cache: FrameCache) -> None:
        """Report that `cache` refuses frames, until it is cleared."""

        def on_cache_refused(problem: str) -> None:
            if problem:
                self.report(problem, about=cache)
                self._refusing.add(cache)
            else:
                self._refusing.discard(cache)
                self.take_back(cache)

        cache.refused.connect(on_cache_refused)


class SeveralProblems(ExceptionGroup):
    """Several exceptions; the message has a line for each."""

    def __str__(self) -> str:
        return "\n".join(map(in_words, self.exceptions))

    @classmethod
    def of(cls, problems: Sequence[Exception]) -> Exception:
        """Return the only problem, or all of them as one exception."""
        return problems[0] if len(problems) == 1 else cls("several problems", problems)


def cause_of(error: BaseException) -> BaseException:
    """Return what made a status fail; any other exception as it is."""
    while isinstance(error, FailedStatus) and error.__cause__ is not None:
        error = error.__cause__
    return error


def in_words(error: BaseException) -> str:
    """Return the message and notes of what caused `error`; never an empty text."""
    return _with_notes(_words(cause_of(error)), error)


def with_place(error: BaseException) -> str:
    """Return `in_words`; for a bug in the user's code with its type, file and line."""
    cause = cause_of(error)
    place = _place_of(cause) if isinstance(cause, _BUGS) else ""
    if not place or place in str(cause):
        return in_words(error)
    words = f"{type(cause).__name__}: {cause}" if str(cause) else _words(cause)
    return _with_notes(f"{words} ({place})", error)


def _with_notes(words: str, error: BaseException) -> str:
    notes = getattr(cause_of(error), "__notes__", ())
    return " ".join([f"{words.rstrip('.')}.", *notes]) if notes else words


def _words(cause: BaseException) -> str:
    if isinstance(cause, FailedStatus):
        return "A device failed without a message."
    if isinstance(cause, KeyError) and cause.args:
        key = cause.args[0]
        return key if isinstance(key, str) and " " in key else f"There is no {key!r}."
    if isinstance(cause, SystemExit):
        return "The code raised SystemExit."
    named = (words for kind, words in _WITHOUT_MESSAGE.items() if isinstance(cause, kind))
    return str(cause) or next(named, f"{type(cause).__name__}, without a message.")


def _place_of(error: BaseException) -> str:
    """Return file and line of the innermost call outside this package and the libraries."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_file() and not any(folder in file.parents for folder in _LIBRARIES):
            return f"{file.name}, line {frame.lineno}"
    return ""
