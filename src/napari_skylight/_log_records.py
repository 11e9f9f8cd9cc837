"""The log records of the plugin, Bluesky and its devices, kept in memory for the log view.

They are captured from the first dock or command on: a log view opened later shows them too.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from typing import ClassVar

from psygnal import Signal

_OURS = "napari_skylight"
_LOGGERS = (_OURS, "bluesky", "ophyd", "ophyd_async")
MOST_RECORDS = 5000
_MOST_LETTERS = 20_000


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One log record as text: it keeps no engine, frame or device alive."""

    number: int  # counts from 1
    time: float  # in s since the epoch
    level: int
    logger: str
    thread: str
    message: str
    details: str  # the traceback, or an empty text


class LogRecords(logging.Handler):
    """A handler that keeps the last records."""

    changed = Signal()
    """Emitted when records were added or cleared, on the thread that logs."""

    def __init__(self, most: int = MOST_RECORDS) -> None:
        super().__init__()
        self._entries: deque[LogEntry] = deque(maxlen=most)
        self._guard = Lock()
        self._number = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text of `record`."""
        try:
            thread, text, details = record.threadName or "", _message(record), _traceback(record)
            origin = record.created, record.levelno, record.name, thread
            with self._guard:
                self._number += 1
                self._entries.append(LogEntry(self._number, *origin, text, details))
            self.changed.emit()
        except Exception:  # noqa: BLE001 - logging must not fail its caller
            self.handleError(record)
        last = logging.lastResort if record.levelno >= logging.WARNING else None
        if last is not None and not self._has_other_handler(record.name):
            last.handle(record)  # as `logging` does for a logger without handlers

    def since(self, number: int) -> list[LogEntry]:
        """Return the kept records after the one of this `number`."""
        with self._guard:
            new = min(self._number - number, len(self._entries))
            return list(islice(self._entries, len(self._entries) - new, None))

    @property
    def oldest(self) -> int:
        """The number of the oldest kept record; of the next one if none is kept."""
        with self._guard:
            return self._entries[0].number if self._entries else self._number + 1

    def clear(self) -> None:
        """Delete all records."""
        with self._guard:
            self._entries.clear()
        self.changed.emit()

    def _has_other_handler(self, name: str) -> bool:
        logger: logging.Logger | None = logging.getLogger(name)
        while logger is not None:
            if any(handler is not self for handler in logger.handlers):
                return True
            logger = logger.parent if logger.propagate else None
        return False


class LogCapture:
    """Captures log records until `close`, on the GUI thread; all captures share one `LogRecords`.

    It lowers the plugin's logger to ``INFO``; while any capture has the level ``DEBUG``, all
    loggers, which slows plans down. The last `close` restores handlers and levels.
    """

    _captures: ClassVar[list[LogCapture]] = []
    _lowered: ClassVar[dict[str, tuple[int, int]]] = {}
    """The level of each lowered logger, before and since."""

    def __init__(self) -> None:
        records = self._captures[0].records if self._captures else LogRecords()
        self.records: LogRecords = records
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(records)  # once, however often it is called
        self._captures.append(self)
        self.level = logging.INFO

    @property
    def level(self) -> int:
        """The lowest level captured, as in `logging`."""
        return self._level

    @level.setter
    def level(self, level: int) -> None:
        self._level = level
        self._set_levels()

    def close(self) -> None:
        """End the capture. May be called twice."""
        if self not in self._captures:
            return
        self._captures.remove(self)
        self._set_levels()
        if not self._captures:
            for name in _LOGGERS:
                logging.getLogger(name).removeHandler(self.records)
            self.records.close()

    def _set_levels(self) -> None:
        debug = any(each.level <= logging.DEBUG for each in self._captures)
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            before, lowered = self._lowered.pop(name, (logging.NOTSET, logging.NOTSET))
            if lowered and logger.level == lowered:  # else changed elsewhere since
                logger.setLevel(before)
            wanted = logging.INFO if name == _OURS and self._captures else logging.NOTSET
            wanted = logging.DEBUG if debug else wanted
            if wanted and logger.getEffectiveLevel() > wanted:
                self._lowered[name] = logger.level, wanted
                logger.setLevel(wanted)


_formatter = logging.Formatter()


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"


def _traceback(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[0] is None:
        return record.exc_text or ""
    text = _formatter.formatException(record.exc_info)
    # the end names the error
    return text if len(text) <= _MOST_LETTERS else f"…{text[-_MOST_LETTERS:]}"
