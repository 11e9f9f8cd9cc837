"""Documents to a Tiled server; needs the extra ``tiled``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from napari_skylight.engine.documents import without_images

EMBEDDED = "embedded"
"""In place of the address of a server: the one that tiled runs in this program."""

_MOST_WAITING = 100_000
"""Documents that wait for the connection."""

_FAILED = "Runs are not written to Tiled: {}."
_MISSING = 'it needs tiled: pip install "napari-skylight[tiled]"'


class TiledStore:
    """Writes documents to a Tiled server by bluesky's ``TiledWriter``, behind its buffer.

    A subscriber of an engine. The thread ``skylight-tiled`` connects when the first document comes.
    Images are left out; files of detectors and recordings are registered.

    Parameters
    ----------
    server : str
        The address, with ``?api_key=…`` or with the key in the environment variable
        ``TILED_API_KEY``; or ``EMBEDDED``.
    folder : Path
        Of the embedded catalogue.
    report : callable
        Called with a text when writing fails.
    """

    def __init__(self, server: str, folder: Path, report: Callable[[str], None]) -> None:
        self._server = server
        self._folder = folder
        self._report = report
        self._thin = without_images(self._put)
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, Mapping[str, Any]]] = []
        self._write: Any = None  # bluesky's BufferingWrapper, once connected
        self._embedded: Any = None  # tiled's SimpleTiledServer
        self._thread: threading.Thread | None = None
        self._failed = False
        self._closed = False
        self._failed_runs: set[str] = set()

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Take a document, on any thread; never block, never raise."""
        try:
            self._thin(name, document)
        except Exception as error:  # noqa: BLE001 - whatever happens, the plan goes on
            self._fail(error)

    def close(self, timeout: float) -> None:
        """Write what has come, and disconnect; wait for that up to `timeout` seconds."""
        with self._lock:
            self._closed = True
            used = self._thread is not None
        if used:
            thread = threading.Thread(
                target=self._end, args=(timeout,), name="skylight-tiled-end", daemon=True
            )
            thread.start()
            thread.join(timeout)

    def _put(self, name: str, document: Mapping[str, Any]) -> None:
        with self._lock:
            if self._closed or self._failed:
                return
            if self._write is not None:
                self._write(name, document)
                return
            if len(self._waiting) >= _MOST_WAITING:
                raise RuntimeError("the server does not answer")
            self._waiting.append((name, document))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._connect, name="skylight-tiled", daemon=True
                )
                self._thread.start()

    def _connect(self) -> None:
        try:
            from bluesky.callbacks.buffer import BufferingWrapper
            from bluesky_tiled_plugins import TiledWriter
            from tiled.client import from_uri

            client = from_uri(self._address())
            # each event at once: runs are looked at while they go on
            writer = TiledWriter(client, batch_size=1)
        except ImportError:
            self._give_up(_MISSING)
            return
        except Exception as error:  # noqa: BLE001 - whatever a client raises about a server
            self._give_up(error)
            return
        with self._lock:
            self._write = BufferingWrapper(self._checked(writer))
            for name, document in self._waiting:
                self._write(name, document)
            self._waiting.clear()

    def _address(self) -> str:
        if self._server != EMBEDDED:
            return self._server
        from tiled.server import SimpleTiledServer

        # files of detectors may be anywhere; the server is for this program, with a key of its own
        everywhere = self._folder.absolute().anchor
        self._embedded = SimpleTiledServer(self._folder, readable_storage=[everywhere])
        return str(self._embedded.uri)

    def _checked(self, writer: Callable[[str, Any], object]) -> Callable[[str, Any], object]:
        """Return `writer`, with one report for each run that fails."""

        def write(name: str, document: Mapping[str, Any]) -> None:
            if name == "start":
                self._failed_runs.clear()
            try:
                writer(name, document)
            except Exception as error:  # noqa: BLE001 - whatever a client raises about a server
                if not self._failed_runs:
                    self._report(_FAILED.format(_line(error)))
                self._failed_runs.add(name)

        return write

    def _give_up(self, error: object) -> None:
        with self._lock:
            self._failed = True
            self._waiting.clear()
        self._report(_FAILED.format(_line(error)))

    def _fail(self, error: Exception) -> None:
        if not self._failed:
            self._failed = True
            self._report(_FAILED.format(_line(error)))

    def _end(self, timeout: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout)
        if self._write is not None:
            self._write.shutdown()
        if self._embedded is not None:
            self._embedded.close()


def _line(error: object) -> str:
    """Return the first line of a message."""
    words = str(error).strip() or type(error).__name__
    return words.splitlines()[0].rstrip(".")
