"""Finds the newest image of each data key in the documents of an engine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from bluesky.protocols import Reading
from event_model import DocumentRouter

from napari_skylight.frames import newest_frame

_log = logging.getLogger("napari_skylight")

Readings = dict[str, Reading[Any]]


class Noted(NamedTuple):
    """An image in a document."""

    device: str
    key: str
    timestamp: float
    """When it was taken, in s since the epoch."""
    load: Callable[[], Readings]
    """Returns its reading, and those of the scalars in its event."""


@dataclass(frozen=True)
class _Stream:
    """The part of a descriptor that matters here."""

    run: str
    devices: Mapping[str, str]
    """The name of the device, by data key of an array."""
    configuration: Readings


class DocumentNotes(DocumentRouter):
    """Calls `note` with each image in the documents of an engine, on the engine's thread."""

    def __init__(self, note: Callable[[Noted], None]) -> None:
        super().__init__()
        self._note = note
        self._streams: dict[str, _Stream] = {}  # by the descriptor's uid

    def __call__(self, name: str, doc: Any, validate: bool = False) -> tuple[str, Any]:
        """Look for images in a document; never raise."""
        try:
            super().__call__(name, doc, validate)
        except Exception:  # noqa: BLE001 - whatever a document holds, the plan goes on
            _log.exception("A document of the kind %r is not shown", name)
        return name, doc

    def descriptor(self, doc: Any) -> None:
        """Note which data keys may be images."""
        owners = {key: name for name, keys in doc["object_keys"].items() for key in keys}
        arrays = {
            key: owners.get(key, key)
            for key, data_key in doc["data_keys"].items()
            if data_key["dtype"] == "array"
        }
        configuration = {
            key: {"value": value, "timestamp": device["timestamps"].get(key, 0.0)}
            for device in doc.get("configuration", {}).values()
            for key, value in device["data"].items()
        }
        if arrays:
            self._streams[doc["uid"]] = _Stream(doc["run_start"], arrays, configuration)

    def event(self, doc: Any) -> None:
        """Note the images in an event."""
        stream = self._streams.get(doc["descriptor"])
        if stream is None:
            return
        data, timestamps = doc["data"], doc["timestamps"]
        for key, device in stream.devices.items():
            if _is_image(data.get(key)):

                def load(key: str = key) -> Readings:
                    return _readings(key, data, timestamps) | stream.configuration

                self._note(Noted(device, key, timestamps[key], load))

    def event_page(self, doc: Any) -> None:
        """Note the images in the last event of a page."""
        data, timestamps = (
            {key: values[-1] for key, values in doc[part].items() if len(values)}
            for part in ("data", "timestamps")
        )
        self.event({"descriptor": doc["descriptor"], "data": data, "timestamps": timestamps})

    def stop(self, doc: Any) -> None:
        """Forget the descriptors of a run."""
        for uid in [uid for uid, each in self._streams.items() if each.run == doc["run_start"]]:
            del self._streams[uid]


def _is_image(value: Any) -> bool:
    if isinstance(value, (list, tuple)):  # arrays may come as lists, such as from JSON
        return bool(value) and isinstance(value[0], (list, tuple))
    return getattr(value, "ndim", 0) >= 2


def _readings(key: str, data: Mapping[str, Any], timestamps: Mapping[str, float]) -> Readings:
    """Return the reading of the image `key`, and of all scalars."""
    image = newest_frame(np.asarray(data[key]))
    scalars = {name: value for name, value in data.items() if np.ndim(value) < 2}
    return {
        name: {"value": value, "timestamp": timestamps[name]}
        for name, value in {**scalars, key: image}.items()
    }
