"""The numbers in the events of the newest run."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from event_model import DocumentRouter
from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.session._device_signals import SettingInfo
from napari_skylight.session._document_images import HasDocuments
from napari_skylight.session._document_notes import unfailing

MOST_POINTS = 10_000
"""How many of the last points are kept."""
_NUMBERS = "number", "integer", "boolean"


@dataclass(frozen=True)
class Series:
    """The points of a run so far, of its last points if there are more than `MOST_POINTS`."""

    run: str
    """The uid of its start document."""
    title: str
    x_label: str
    """With its unit: the scanned signal, or "Time (s)"."""
    x: tuple[float, ...]
    y: Mapping[str, tuple[float, ...]]
    """By label, with its unit."""


@dataclass
class _Stream:
    """The numbers of one stream of events."""

    run: str
    title: str
    started: float
    infos: Mapping[str, SettingInfo]
    """By data key: those that devices hint at."""
    scanned: str
    """The data key on the x axis; empty for time."""
    points: deque[tuple[float, Mapping[str, Any]]] = field(
        default_factory=lambda: deque(maxlen=MOST_POINTS)
    )
    """Time and values."""


class RunValues:
    """The numbers that devices hint at in the events of the newest run; safe on any thread."""

    changed = Signal()
    """There is a new event; emitted on the engine's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stream: _Stream | None = None
        self._run = ""  # the uid of the newest, which may have no numbers

    def follow(self, engine: HasDocuments) -> Callable[[], None]:
        """Follow the runs of an engine; return the undo."""
        token = engine.subscribe(unfailing(_Documents(self._open, self._begin, self._add)))
        return lambda: engine.unsubscribe(token)

    @property
    def newest(self) -> Mapping[str, str]:
        """The last values of the newest run, with their units, by data key."""
        with self._lock:
            stream = self._stream
            if stream is None or stream.run != self._run or not stream.points:
                return {}
            values = stream.points[-1][1]
        return {key: stream.infos[key].said(value) for key, value in values.items()}

    @property
    def series(self) -> Series | None:
        """The points of the newest run that has any; None before the first."""
        with self._lock:
            stream = self._stream
            points = [] if stream is None else list(stream.points)
        if stream is None or not points:
            return None
        x, label = [time - stream.started for time, _ in points], "Time (s)"
        if stream.scanned:
            x, label = (
                [float(each[stream.scanned]) for _, each in points],
                _label(stream.scanned, stream),
            )
        y = {
            _label(key, stream): tuple(float(each[key]) for _, each in points)
            for key in stream.infos
            if key != stream.scanned
        }
        return Series(stream.run, stream.title, label, tuple(x), y)

    def _open(self, run: str) -> None:
        with self._lock:
            self._run = run
        announce(self.changed)

    def _begin(self, stream: _Stream) -> None:
        with self._lock:
            self._stream = stream
        announce(self.changed)

    def _add(self, stream: _Stream, time: float, values: Mapping[str, Any]) -> None:
        with self._lock:
            stream.points.append((time, values))
        announce(self.changed)


def _label(key: str, stream: _Stream) -> str:
    unit = stream.infos[key].unit
    return f"{key} ({unit})" if unit else key


class _Documents(DocumentRouter):
    """Finds the numbers in the documents of one engine: of the first stream that has any."""

    def __init__(
        self,
        open_: Callable[[str], None],
        begin: Callable[[_Stream], None],
        add: Callable[[_Stream, float, Mapping[str, Any]], None],
    ) -> None:
        super().__init__()
        self._open, self._begin, self._add = open_, begin, add
        self._start: Mapping[str, Any] = {}
        self._streams: dict[str, _Stream] = {}  # by the descriptor's uid

    def start(self, doc: Any) -> None:
        self._start = doc
        self._open(doc["uid"])

    def descriptor(self, doc: Any) -> None:
        infos = dict(_numbers_in(doc))
        if doc["run_start"] != self._start.get("uid") or not infos:
            return
        before = next(iter(self._streams.values()), None)
        if before is not None and before.run == doc["run_start"]:
            if before.infos.keys() == infos.keys():  # settings have changed
                self._streams[doc["uid"]] = before
            return
        scanned = [key for key in _scanned(self._start) if key in infos]
        infos = {key: infos[key] for key in dict.fromkeys((*scanned, *infos))}
        stream = _Stream(
            doc["run_start"],
            str(self._start.get("plan_name", "")),
            self._start["time"],
            infos,
            scanned[0] if scanned else "",
        )
        self._streams = {doc["uid"]: stream}
        self._begin(stream)

    def event(self, doc: Any) -> Any:
        if stream := self._streams.get(doc["descriptor"]):
            values = {key: doc["data"][key] for key in stream.infos}
            self._add(stream, doc["time"], values)
        return doc


def _numbers_in(descriptor: Mapping[str, Any]) -> Iterator[tuple[str, SettingInfo]]:
    """Yield the scalars that devices hint at, with their descriptions."""
    for hints in (descriptor.get("hints") or {}).values():
        for key in hints.get("fields", ()):
            data_key = descriptor["data_keys"].get(key, {})
            info = SettingInfo.of(data_key)
            if info is not None and data_key["dtype"] in _NUMBERS and "external" not in data_key:
                yield key, info


def _scanned(start: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the data keys of the one dimension of a scan; empty for others."""
    dimensions: Any = (start.get("hints") or {}).get("dimensions") or ()
    return tuple(dimensions[0][0]) if len(dimensions) == 1 else ()
