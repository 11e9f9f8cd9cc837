"""The plugin's page of napari's preferences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.settings import get_plugin_settings
from npe2 import PluginManager
from psygnal import Signal

from napari_skylight._compat import PLUGIN
from napari_skylight.recording import FileNames
from napari_skylight.session import data_folder

if TYPE_CHECKING:
    from napari_skylight.recording import Recordings
    from napari_skylight.session import Session
    from napari_skylight.viewer import ViewerLink

MEGABYTE = 1_000_000


def live_settings() -> Any:
    """Return napari's present settings of the manifest's section "Live view"."""
    return get_plugin_settings(PLUGIN).live


class Preferences:
    """Follows the settings and applies them.

    napari replaces the settings of all plugins when any plugin is enabled or disabled.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._live = live_settings()
        self._live.events.connect(self._on_changed)
        PluginManager.instance().events.enablement_changed.connect(self._on_plugins_changed)

    def close(self) -> None:
        """Stop following the settings."""
        self._live.events.disconnect(self._on_changed)
        PluginManager.instance().events.enablement_changed.disconnect(self._on_plugins_changed)

    def apply(self, link: ViewerLink, session: Session) -> None:
        """Apply the settings to a viewer and the session."""
        link.display_rate = self._live.display_rate
        link.autoscale = self._live.autoscale
        link.show_counts = self._live.show_counts
        link.warn_saturated = self._live.warn_saturated
        session.caches.stack_bytes = self._live.stack_size * MEGABYTE
        self._apply_to(session.recordings)
        if session.home is not None:  # others keep nothing on disk
            session.store_runs(self._runs_folder)
            session.write_to_tiled(str(self._live.tiled_server).strip())

    def _apply_to(self, recordings: Recordings) -> None:
        recordings.queue_bytes = self._live.record_queue * MEGABYTE
        folder = str(self._live.record_folder).strip()
        recordings.names = FileNames(recordings.names.template, folder)
        compression = self._live.record_compression
        recordings.file_settings = replace(
            recordings.file_settings,
            backend=self._live.record_library,
            compression=None if compression == "none" else compression,
        )

    @property
    def _runs_folder(self) -> Path | None:
        given = str(self._live.runs_folder).strip()
        folder = Path(given).expanduser() if given else data_folder() / "runs"
        return folder if self._live.store_runs else None

    @property
    def show_counts(self) -> bool:
        """Whether the canvas shows frame rates and counts."""
        return bool(self._live.show_counts)

    def _on_changed(self, _event: object = None) -> None:
        self.changed.emit()

    def _on_plugins_changed(self) -> None:
        self._live.events.disconnect(self._on_changed)
        self._live = live_settings()
        self._live.events.connect(self._on_changed)
        self.changed.emit()
