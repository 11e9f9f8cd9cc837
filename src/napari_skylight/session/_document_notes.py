"""Finds the newest image of each data key in the documents of an engine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from bluesky.protocols import Reading
from event_model import DataKey, DocumentRouter

from napari_skylight.frames import newest_frame, read_datum, read_newest
from napari_skylight.frames._cache import LastStash

_log = logging.getLogger("napari_skylight")

Readings = dict[str, Reading[Any]]


class Noted(NamedTuple):
    """An image in a document, or in a file that a document announces."""

    run: str
    """The uid of the run's start document."""

    device: str
    key: str
    timestamp: float | None
    """Of the image, in s since the epoch; None for one in a file."""
    started: float
    """The start of the run, in s since the epoch."""
    load: Callable[[], Readings]
    """Returns its reading, and those of the scalars in its event; it may raise anything."""
    number: int = 1
    """The number of images announced."""

    def is_stashed(self, last: LastStash) -> bool:
        """Return whether the plan shows it, or those in its file, by itself."""
        if self.timestamp is None:
            return self.started <= last.time
        return self.timestamp <= last.timestamp


def unfailing(subscriber: Callable[[str, Any], object]) -> Callable[[str, Any], None]:
    """Return `subscriber` with its exceptions logged, which would end the plan."""

    def call(name: str, document: Any) -> None:
        try:
            subscriber(name, document)
        except Exception:  # noqa: BLE001 - as the docstring says
            _log.exception("A document of the kind %r cannot be shown", name)

    return call


@dataclass(frozen=True)
class _Stream:
    """The part of a descriptor that matters here."""

    run: str
    devices: Mapping[str, str]
    """The name of the device, by data key of an array."""
    files: Mapping[str, DataKey]
    """The description of arrays in files."""
    configuration: Readings


class DocumentNotes(DocumentRouter):
    """Calls `note` with each image in the documents of an engine, on the engine's thread."""

    def __init__(
        self, note: Callable[[Noted], None], read_preview: Callable[[str], Reading[Any] | None]
    ) -> None:
        super().__init__()
        self._note = note
        self._read_preview = read_preview
        self._streams: dict[str, _Stream] = {}  # by the descriptor's uid
        self._resources: dict[str, Any] = {}  # by uid
        self._datums: dict[str, Any] = {}  # of the next events, by id
        self._started: dict[str, float] = {}  # open runs

    def start(self, doc: Any) -> None:
        """Note the start of a run."""
        self._started[doc["uid"]] = doc["time"]

    def descriptor(self, doc: Any) -> None:
        """Note which data keys may be images."""
        owners = {key: name for name, keys in doc.get("object_keys", {}).items() for key in keys}
        arrays = {
            key: owners.get(key, key)
            for key, data_key in doc["data_keys"].items()
            if data_key["dtype"] == "array"
        }
        configuration: Readings = {
            key: {"value": value, "timestamp": device["timestamps"].get(key, 0.0)}
            for device in doc.get("configuration", {}).values()
            for key, value in device["data"].items()
            if np.isscalar(value)
        }
        files = {
            key: data_key
            for key, data_key in doc["data_keys"].items()
            if data_key.get("external") == "STREAM:" and len(data_key["shape"]) > 1
        }
        if arrays:
            self._streams[doc["uid"]] = _Stream(doc["run_start"], arrays, files, configuration)

    def event(self, doc: Any, number: int = 1) -> Any:
        """Note the images in an event, the last of `number`."""
        stream = self._streams.get(doc["descriptor"])
        if stream is None:
            return doc
        data, timestamps = doc["data"], doc["timestamps"]
        for key, device in stream.devices.items():
            value = data.get(key)
            datum = self._datums.pop(value, None) if isinstance(value, str) else None
            if datum is None and not _is_image(value):
                continue

            read: Callable[[], Any] = partial(np.asarray, value)
            if datum is not None:
                read = partial(read_datum, self._resources[datum["resource"]], datum)

            def load(key: str = key, read: Callable[[], Any] = read) -> Readings:
                values: dict[str, Any] = {
                    name: each for name, each in data.items() if np.isscalar(each)
                }
                values[key] = newest_frame(read())
                return stream.configuration | {
                    name: {"value": each, "timestamp": timestamps[name]}
                    for name, each in values.items()
                }

            started = self._started.get(stream.run, 0.0)
            noted = Noted(stream.run, device, key, timestamps[key], started, load, number)
            self._note(noted)
        return doc

    def event_page(self, doc: Any) -> Any:
        """Note the images in the last event of a page."""
        data, timestamps = (
            {key: values[-1] for key, values in doc[part].items() if len(values)}
            for part in ("data", "timestamps")
        )
        last = {"descriptor": doc["descriptor"], "data": data, "timestamps": timestamps}
        self.event(last, len(doc["seq_num"]))
        return doc

    def resource(self, doc: Any) -> None:
        """Note a file that is written."""
        self._resources[doc["uid"]] = doc

    stream_resource = resource

    def datum(self, doc: Any) -> Any:
        """Note what is in a file; an event will name it."""
        self._datums[doc["datum_id"]] = doc
        return doc

    def stream_datum(self, doc: Any) -> None:
        """Note the newest image in a file."""
        resource = self._resources[doc["stream_resource"]]
        stream, key = self._streams.get(doc["descriptor"]), resource["data_key"]
        if stream is None or key not in stream.files:
            return
        start, stop = doc["indices"]["start"], doc["indices"]["stop"]
        now = time.time()
        started = self._started.get(stream.run, now)
        device = stream.devices[key]
        is_only = sum(stream.devices[each] == device for each in stream.files) == 1

        def load() -> Readings:
            reading = self._read_preview(device) if is_only else None
            if reading is None or reading["timestamp"] < started:  # it may be switched off
                image = newest_frame(read_newest(resource, stream.files[key], stop))
                reading = {"value": image, "timestamp": now}
            return {**stream.configuration, key: reading}

        self._note(Noted(stream.run, device, key, None, started, load, stop - start))

    def stop(self, doc: Any) -> None:
        """Forget a run."""
        run = doc["run_start"]
        self._started.pop(run, None)
        self._datums.clear()
        self._streams = {uid: each for uid, each in self._streams.items() if each.run != run}
        self._resources = {
            uid: each for uid, each in self._resources.items() if each.get("run_start") != run
        }


def _is_image(value: Any) -> bool:
    if isinstance(value, (list, tuple)):  # arrays may come as lists, such as from JSON
        return bool(value) and isinstance(value[0], (list, tuple))
    return getattr(value, "ndim", 0) >= 2
