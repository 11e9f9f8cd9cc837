"""Documents without images, for subscribers that write them to text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from event_model import DocumentRouter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["without_images"]


def without_images(
    callback: Callable[[str, Mapping[str, Any]], object],
) -> Callable[[str, Mapping[str, Any]], object]:
    """Return a subscriber that calls `callback` with the documents, without their images.

    The documents are valid and complete but for the data keys of images, whose pixels a writer
    would write as text. Images in files (``external`` data keys) stay.

    Parameters
    ----------
    callback : callable
        Takes the name of a document and the document, such as bluesky's ``JSONLinesWriter``.

    Examples
    --------
    ``session.engine.subscribe(without_images(JSONLinesWriter(folder)))``
    """
    router = _WithoutImages()
    return lambda name, document: callback(*router(name, dict(document)))


class _WithoutImages(DocumentRouter):
    """Copies descriptors and events without their images."""

    def __init__(self) -> None:
        super().__init__()
        self._images: dict[str, frozenset[str]] = {}  # by the descriptor's uid
        self._runs: dict[str, list[str]] = {}  # its descriptors, by the run's uid

    def descriptor(self, doc: Any) -> Any:
        images = frozenset(key for key, said in doc["data_keys"].items() if _is_image(said))
        self._images[doc["uid"]] = images
        self._runs.setdefault(doc["run_start"], []).append(doc["uid"])
        left = {**doc, "data_keys": _without(doc["data_keys"], images)}
        if "object_keys" in doc:
            left["object_keys"] = {
                name: [key for key in keys if key not in images]
                for name, keys in doc["object_keys"].items()
            }
        if "hints" in doc:
            left["hints"] = {
                name: {**hints, "fields": [key for key in hints["fields"] if key not in images]}
                if "fields" in hints
                else hints
                for name, hints in doc["hints"].items()
            }
        return left

    def event(self, doc: Any) -> Any:
        images = self._images.get(doc["descriptor"], frozenset())
        by_key = ("data", "timestamps", "filled")
        return doc | {part: _without(doc[part], images) for part in by_key if part in doc}

    event_page = event  # its parts have the same names

    def stop(self, doc: Any) -> Any:
        for descriptor in self._runs.pop(doc["run_start"], ()):
            del self._images[descriptor]
        return doc


def _is_image(data_key: Mapping[str, Any]) -> bool:
    return len(data_key.get("shape") or ()) >= 2 and "external" not in data_key


def _without(values: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}
