"""The documents of a run, without the data."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

_MOST_RUNS = 100
_MOST_VALUES = 100
_MOST_LETTERS = 10_000


@dataclass(frozen=True)
class RunDocuments:
    """The metadata of one Bluesky run, as plain, immutable values.

    Long values, such as arrays, are replaced by a description.
    """

    start: Mapping[str, Any]
    descriptors: tuple[Mapping[str, Any], ...] = ()
    events: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """The number of events, by stream."""
    stop: Mapping[str, Any] | None = None
    """None while it is open."""


class DocumentLog:
    """Collects the documents of a plan's runs; of the last hundred, if there are more."""

    def __init__(self) -> None:
        self._runs: deque[_OpenRun] = deque(maxlen=_MOST_RUNS)

    def add(self, name: str, document: Mapping[str, Any]) -> None:
        """Add a document; those of other runs are ignored."""
        if name == "start":
            self._runs.append(_OpenRun(document))
            return
        for run in reversed(self._runs):
            if run.add(name, document):
                return

    def freeze(self) -> tuple[RunDocuments, ...]:
        """Return the runs so far, oldest first."""
        return tuple(run.freeze() for run in self._runs)


class _OpenRun:
    def __init__(self, start: Mapping[str, Any]) -> None:
        self._start = _plain(start)
        self._descriptors: dict[str, Mapping[str, Any]] = {}
        self._events: dict[str, int] = {}
        self._stop: Mapping[str, Any] | None = None

    def add(self, name: str, document: Mapping[str, Any]) -> bool:
        """Add a document of this run; return False for one of another."""
        if "run_start" in document:
            is_own = bool(document["run_start"] == self._start["uid"])
            if is_own and name == "descriptor":
                self._descriptors[document["uid"]] = _plain(document)
            elif is_own and name == "stop":
                self._stop = _plain(document)
            return is_own
        descriptor = self._descriptors.get(document.get("descriptor", ""))
        if descriptor is None:
            return False
        stream = descriptor.get("name", "")
        self._events[stream] = max(self._events.get(stream, 0), last_number(name, document))
        return True

    def freeze(self) -> RunDocuments:
        events = {each.get("name", ""): 0 for each in self._descriptors.values()} | self._events
        descriptors = tuple(self._descriptors.values())
        return RunDocuments(self._start, descriptors, MappingProxyType(events), self._stop)


def last_number(name: str, document: Mapping[str, Any]) -> int:
    """Return the number of the last event in a document, counted from 1."""
    if name == "event":
        return int(document["seq_num"])
    if name == "event_page":
        return max(document["seq_num"], default=0)
    if name == "stream_datum":
        return int(document["seq_nums"]["stop"]) - 1
    return 0


def _plain(value: Any) -> Any:
    """Return an immutable copy of `value`, with descriptions for long values."""
    if isinstance(value, Mapping):
        return MappingProxyType({str(key): _plain(each) for key, each in value.items()})
    if isinstance(value, np.ndarray) and value.size > _MOST_VALUES:
        return f"array of {' × '.join(map(str, value.shape))} {value.dtype}"
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (list, tuple, set, frozenset)):
        if len(value) > _MOST_VALUES:
            return f"{len(value)} values"
        return tuple(_plain(each) for each in value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"
