"""Shows the images in documents, with no stash in the plan."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Protocol

from napari_skylight.frames import CacheStore
from napari_skylight.session._document_notes import DocumentNotes, Noted

_log = logging.getLogger("napari_skylight")

SHOW_SECONDS = 0.02
"""The shortest interval between two frames of a data key; screens are slower."""
IDLE_SECONDS = 10.0
"""How long the thread sleeps at a time while no images come."""


class HasDocuments(Protocol):
    """An engine, such as bluesky's."""

    def subscribe(self, func: Callable[[str, Any], object]) -> int:
        """Call `func` with the name and the content of each document; return a token."""

    def unsubscribe(self, token: int) -> None:
        """End the subscription with that token."""


class DocumentImages:
    """Stashes the newest image of each data key in documents into the live cache of its device.

    On an engine's thread the newest image is only noted; the thread ``skylight-documents``, started
    with the first, stashes it. Images that the plan has stashed itself are left out.
    """

    def __init__(self, caches: CacheStore) -> None:
        self._caches = caches
        self._changed = threading.Condition()
        self._newest: dict[tuple[str, str], Noted] = {}  # by device and data key
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def follow(self, engine: HasDocuments) -> Callable[[], None]:
        """Show the images in the documents of `engine`; return the undo."""
        token = engine.subscribe(DocumentNotes(self._note))
        return lambda: engine.unsubscribe(token)

    def close(self, timeout: float) -> None:
        """End the thread; show nothing more."""
        self._closed.set()
        with self._changed:
            self._newest.clear()
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _note(self, noted: Noted) -> None:
        if noted.timestamp <= self._caches.stashed_at(noted.key) or self._closed.is_set():
            return
        self._cache_of(noted).announce(noted.key)
        with self._changed:
            self._newest[noted.device, noted.key] = noted
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="skylight-documents", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def _work(self) -> None:
        while not self._closed.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._newest or self._closed.is_set(), IDLE_SECONDS)
                newest, self._newest = self._newest, {}
            for noted in newest.values():
                self._show(noted)
            del newest  # the images, which would stay in memory
            self._closed.wait(SHOW_SECONDS)

    def _show(self, noted: Noted) -> None:
        try:
            error = self._cache_of(noted).stash(noted.load(), announced=True).exception(0)
        except Exception as raised:  # noqa: BLE001 - whatever a document holds
            error = raised
        if error is not None:
            _log.warning("The image %s of %s cannot be shown: %s", noted.key, noted.device, error)

    def _cache_of(self, noted: Noted) -> Any:
        return self._caches.live(SimpleNamespace(name=noted.device))
