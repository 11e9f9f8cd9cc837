"""Shows the images in documents, with no stash in the plan."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

from bluesky.protocols import Reading

from napari_skylight.frames import CacheStore, FrameCache
from napari_skylight.protocols import StashRefused
from napari_skylight.session._document_notes import DocumentNotes, Noted, unfailing
from napari_skylight.session._problems import in_words

_log = logging.getLogger("napari_skylight")

SHOW_SECONDS = 0.02
"""The shortest interval between two frames of a data key; screens are slower."""
IDLE_SECONDS = 10.0
"""How long the thread sleeps at a time while no images come."""


LATE_SECONDS = 0.1, 0.3, 1.0, 3.0
"""The intervals between attempts to read a file that is late, unless newer images come."""


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
        self._warned: dict[tuple[str, str], str] = {}  # the last run with a warning, by place
        self._hopeless: dict[tuple[str, str], str] = {}

    def follow(
        self,
        engine: HasDocuments,
        read_preview: Callable[[str], Reading[Any] | None] = lambda _device: None,
    ) -> Callable[[], None]:
        """Show the images in the documents of `engine`; return the undo.

        `read_preview` returns the newest image of a detector that writes files, if it gives any.
        """
        token = engine.subscribe(unfailing(DocumentNotes(self._note, read_preview)))
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
        if self._closed.is_set() or noted.is_stashed(self._caches.last_stash(noted.key)):
            return
        self._cache_of(noted).announce(noted.key, noted.number)
        with self._changed:
            self._newest[noted.device, noted.key] = noted
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="skylight-documents", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def _work(self) -> None:
        late: dict[tuple[str, str], _Late] = {}
        while not self._closed.is_set():
            due = min((each.due for each in late.values()), default=monotonic() + IDLE_SECONDS)
            with self._changed:
                self._changed.wait_for(
                    lambda: self._newest or self._closed.is_set(), max(0.0, due - monotonic())
                )
                newest, self._newest = self._newest, {}
            began = monotonic()
            jobs = {place: each for place, each in late.items() if each.due <= began}
            jobs |= {place: _Late(noted) for place, noted in newest.items()}
            for place, job in jobs.items():
                late.pop(place, None)
                if not self._show(job.noted) and job.waits:
                    late[place] = _Late(job.noted, job.waits[1:], monotonic() + job.waits[0])
            del newest, jobs  # with the images in them
            self._closed.wait(max(SHOW_SECONDS, monotonic() - began))

    def _show(self, noted: Noted) -> bool:
        """Stash an image; return whether that is done, or hopeless."""
        place = noted.device, noted.key
        if self._hopeless.get(place) == noted.run:
            return True
        try:
            error = self._cache_of(noted).stash(noted.load(), announced=True).exception(0)
        except Exception as raised:  # noqa: BLE001 - whatever is in a document or a file
            error = raised
        if error is None:
            return True
        if self._warned.get(place) != noted.run:
            self._warned[place] = noted.run
            _log.warning("The images %r cannot be shown: %s", noted.key, in_words(error))
        if isinstance(error, ImportError):
            self._hopeless[place] = noted.run
        return isinstance(error, ImportError | StashRefused)

    def _cache_of(self, noted: Noted) -> FrameCache:
        return self._caches.live(SimpleNamespace(name=noted.device))


class _Late(NamedTuple):
    """An image that could not be read, to be tried again."""

    noted: Noted
    waits: tuple[float, ...] = LATE_SECONDS
    """The intervals to further attempts."""
    due: float = 0.0
