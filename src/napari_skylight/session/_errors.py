"""From an exception to what a person should read."""

from __future__ import annotations

from collections.abc import Sequence

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
    """Return the message of what caused `error`, or its type where it has none."""
    cause = cause_of(error)
    text = str(cause.args[0]) if isinstance(cause, KeyError) and cause.args else str(cause)
    return text or type(cause).__name__
