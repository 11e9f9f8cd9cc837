"""The connection of an engine to a Tiled server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from napari_skylight.engine import RunEngine
from napari_skylight.recording import TiledStore
from napari_skylight.session._problems import Problems

_LEAVE_SECONDS = 5.0


class TiledLink:
    """Writes the documents of `engine` to the Tiled server that was set last."""

    def __init__(self, engine: RunEngine, problems: Problems) -> None:
        self._engine = engine
        self._problems = problems
        self._server = ""
        self._store: TiledStore | None = None
        self._token = 0

    def set_server(self, server: str, folder: Path) -> None:
        """Write the next runs to `server`, or to none if it is empty; see `TiledStore`."""
        if server == self._server:
            return
        self._server = server
        if (leave := self._disconnect()) is not None:  # never on the GUI's thread
            threading.Thread(
                target=leave, args=(_LEAVE_SECONDS,), name="skylight-tiled-leave", daemon=True
            ).start()
        if server:
            self._store = TiledStore(server, folder, self._report)
            self._token = self._engine.subscribe(self._store)  # type: ignore[no-untyped-call]

    def close(self, timeout: float) -> None:
        """Write what has come, and disconnect; wait for that up to `timeout` seconds."""
        if (leave := self._disconnect()) is not None:
            leave(timeout)

    def _disconnect(self) -> Callable[[float], None] | None:
        store, self._store = self._store, None
        if store is None:
            return None
        self._engine.unsubscribe(self._token)  # type: ignore[no-untyped-call]
        return store.close

    def _report(self, problem: str) -> None:
        self._problems.report(problem, about=self)
