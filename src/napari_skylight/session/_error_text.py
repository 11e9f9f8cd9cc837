"""From an exception to what a person should read."""

from __future__ import annotations

import sysconfig
import traceback
from asyncio import CancelledError
from collections.abc import Sequence
from pathlib import Path

from bluesky.utils import FailedStatus


class SeveralProblems(ExceptionGroup):
    """Several things went wrong at once; its message has a line for each."""

    def __str__(self) -> str:
        return "\n".join(map(in_words, self.exceptions))

    @classmethod
    def of(cls, problems: Sequence[Exception]) -> Exception:
        """Return the one there is, or all of them as one."""
        return problems[0] if len(problems) == 1 else cls("several problems", problems)


def cause_of(error: BaseException) -> BaseException:
    """Return what made a status fail, rather than the failure of the status."""
    while isinstance(error, FailedStatus) and error.__cause__ is not None:
        error = error.__cause__
    return error


def in_words(error: BaseException) -> str:
    """Return the message and notes of what caused `error`, or a plain one where it has none."""
    return _noted(_words(cause_of(error)), error)


def _noted(words: str, error: BaseException) -> str:
    notes = getattr(cause_of(error), "__notes__", ())
    return " ".join([f"{words.rstrip('.')}.", *notes]) if notes else words


def _words(cause: BaseException) -> str:
    if isinstance(cause, FailedStatus):
        return "A device failed without saying why."
    if isinstance(cause, KeyError) and cause.args:
        key = cause.args[0]
        return key if isinstance(key, str) and " " in key else f"There is nothing called {key!r}."
    if isinstance(cause, SystemExit):
        return "It asked for the program to be ended."
    return str(cause) or _words_for(cause)


def with_place(error: BaseException) -> str:
    """Return `error` in words; where it is a slip in somebody's code, with its type and place."""
    cause = cause_of(error)
    place = _place_of(cause) if isinstance(cause, _SLIPS) else ""
    if not place or place in str(cause):
        return in_words(error)
    words = f"{type(cause).__name__}: {cause}" if str(cause) else _words(cause)
    return _noted(f"{words} ({place})", error)


def _place_of(error: BaseException) -> str:
    """Return file and line of the innermost call that is not ours or a library's."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_file() and not any(folder in file.parents for folder in _LIBRARIES):
            return f"{file.name}, line {frame.lineno}"
    return ""


def _words_for(error: BaseException) -> str:
    for kind, words in _WORDLESS.items():
        if isinstance(error, kind):
            return words
    return f"{type(error).__name__}, with no reason given."


_LIBRARIES = {Path(__file__).parents[1]}
_LIBRARIES |= {Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")}
_SLIPS = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError)
_WORDLESS: dict[type[BaseException], str] = {
    TimeoutError: "Something did not answer in time.",
    CancelledError: "It was cancelled before it was done.",
    KeyError: "Something that was looked for is not there.",
    AssertionError: "A check failed, without saying which.",
}
