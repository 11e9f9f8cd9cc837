"""What is logged by us, by Bluesky and by its devices, kept for who wants to read it later.

Records are gathered while there is any `LogUse`: the plugin has one from the first dock or command
to the end, so that a log opened after something went wrong says what it was.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from itertools import islice
from threading import Lock

from psygnal import Signal

__all__ = ["MOST_RECORDS", "LogEntry", "LogRecords", "LogUse"]

_OURS = "napari_skylight"
_LOGGERS = (_OURS, "bluesky", "ophyd", "ophyd_async")
MOST_RECORDS = 5000
_MOST_LETTERS = 20_000


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One thing that was logged: words only, so that no engine, frame or device is kept by it.

    Attributes
    ----------
    number : int
        1 for the first that was gathered.
    time : float
        In seconds since the epoch.
    level : int
        As in `logging`.
    logger, thread : str
    message : str
    details : str
        The traceback, or an empty text.
    """

    number: int
    time: float
    level: int
    logger: str
    thread: str
    message: str
    details: str


class LogRecords(logging.Handler):
    """Keeps the last records, at little cost for whoever logs.

    Attributes
    ----------
    changed : Signal()
        There is something new, or nothing any more. Emitted on the thread that logs.
    """

    changed = Signal()

    def __init__(self, most: int = MOST_RECORDS) -> None:
        super().__init__()
        self._entries: deque[LogEntry] = deque(maxlen=most)
        self._guard = Lock()
        self._number = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what `record` says."""
        try:
            text, details = record.getMessage(), _traceback(record)
            with self._guard:
                self._number += 1
                entry = LogEntry(
                    self._number,
                    record.created,
                    record.levelno,
                    record.name,
                    record.threadName or "",
                    _cut(text),
                    details,
                )
                self._entries.append(entry)
            self.changed.emit()
        except Exception:  # noqa: BLE001 - logging must not fail who logs
            self.handleError(record)
        last = logging.lastResort if record.levelno >= logging.WARNING else None
        if last is not None and not self._others_hear(record.name):
            last.handle(record)  # as if there were no handler at all

    def since(self, number: int) -> list[LogEntry]:
        """Return what came after the record of this `number`, as far as it is kept."""
        with self._guard:
            new = min(self._number - number, len(self._entries))
            return list(islice(self._entries, len(self._entries) - new, None))

    @property
    def oldest(self) -> int:
        """The number of the first record that is kept; of the next one when none is."""
        with self._guard:
            return self._entries[0].number if self._entries else self._number + 1

    def clear(self) -> None:
        """Forget every record."""
        with self._guard:
            self._entries.clear()
        self.changed.emit()

    def _others_hear(self, name: str) -> bool:
        logger: logging.Logger | None = logging.getLogger(name)
        while logger is not None:
            if any(handler is not self for handler in logger.handlers):
                return True
            logger = logger.parent if logger.propagate else None
        return False


class LogUse:
    """Somebody's wish to have the log gathered, until `close`. For the GUI thread.

    The loggers are left at the levels they have, except that our own gives ``INFO`` too, and that
    all of them give ``DEBUG`` while any use has that level: every step of every plan, which slows
    plans down. With the last use everything is as it was.
    """

    def __init__(self) -> None:
        self._level = logging.INFO
        self.records = _gathering.begin(self)

    @property
    def level(self) -> int:
        """The lowest level wanted, as in `logging`."""
        return self._level

    @level.setter
    def level(self, level: int) -> None:
        self._level = level
        _gathering.set_levels()

    def close(self) -> None:
        """Want no more records. May be called twice."""
        _gathering.end(self)


class _Gathering:
    """The one for the process, for logging is."""

    def __init__(self) -> None:
        self._uses: list[LogUse] = []
        self._records = LogRecords()
        self._levels = [_Level(name) for name in _LOGGERS]

    def begin(self, use: LogUse) -> LogRecords:
        if not self._uses:
            self._records = LogRecords()
            for name in _LOGGERS:
                logging.getLogger(name).addHandler(self._records)
        self._uses.append(use)
        self.set_levels()
        return self._records

    def end(self, use: LogUse) -> None:
        if use not in self._uses:
            return
        self._uses.remove(use)
        self.set_levels()
        if not self._uses:
            for name in _LOGGERS:
                logging.getLogger(name).removeHandler(self._records)
            self._records.close()
            self._records = LogRecords()

    def set_levels(self) -> None:
        debug = any(use.level <= logging.DEBUG for use in self._uses)
        for level in self._levels:
            if debug:
                level.lower_to(logging.DEBUG)
            elif level.name == _OURS and self._uses:
                level.lower_to(logging.INFO)
            else:
                level.restore()


class _Level:
    """The level of one logger, lowered for a while."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._before = self._now = logging.NOTSET

    def lower_to(self, level: int) -> None:
        self.restore()
        logger = logging.getLogger(self.name)
        if logger.getEffectiveLevel() > level:
            self._before, self._now = logger.level, level
            logger.setLevel(level)

    def restore(self) -> None:
        logger = logging.getLogger(self.name)
        if self._now and logger.level == self._now:  # else somebody has set another meanwhile
            logger.setLevel(self._before)
        self._now = logging.NOTSET


_formatter = logging.Formatter()


def _traceback(record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[0] is not None:
        return _cut_start(_formatter.formatException(record.exc_info))
    return record.exc_text or ""


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"


def _cut_start(text: str) -> str:
    """Keep the end of a traceback: what it was is said there."""
    return text if len(text) <= _MOST_LETTERS else f"…{text[-_MOST_LETTERS:]}"


_gathering = _Gathering()
