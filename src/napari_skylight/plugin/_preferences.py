"""The plugin's page of napari's preferences."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.settings import get_plugin_settings
from npe2 import PluginManager
from psygnal import Signal

from napari_skylight._compat import PLUGIN
from napari_skylight.recording import FileNames, FileSettings
from napari_skylight.session import data_folder

if TYPE_CHECKING:
    from napari_skylight.recording import Recordings
    from napari_skylight.session import Session
    from napari_skylight.viewer import ViewerLink

_log = logging.getLogger("napari_skylight")

MEGABYTE = 1_000_000


def live_settings() -> Any:
    """Return napari's present settings of the manifest's section "Live view"."""
    return get_plugin_settings(PLUGIN).live


class Preferences:
    """Follows the settings and applies them to the viewers of one session.

    Those of recordings are applied when they change, and at first unless they are the defaults: a
    script may have set others. napari replaces the settings of all plugins when any plugin is
    enabled or disabled.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._live = live_settings()
        self._live.events.connect(self._on_changed)
        self._applied = _of_recordings(type(self._live)())  # the defaults
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
        live, before = self._live, self._applied
        self._applied = _of_recordings(live)
        if self._applied == before:
            return
        recordings.queue_bytes = live.record_queue * MEGABYTE
        recordings.sample = live.record_sample
        compression = None if live.record_compression == "none" else live.record_compression
        recordings.file_settings = FileSettings(
            live.record_format, live.record_library, compression
        )
        try:
            recordings.names = FileNames(live.record_names, live.record_folder.strip())
        except ValueError as error:  # half typed, or from the file
            _log.warning("The names of recordings in Preferences are not used: %s", error)

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


def keep_recording_settings(recordings: Recordings) -> None:
    """Make the names, sample and format of `recordings` the preferences."""
    names, settings = recordings.names, recordings.file_settings
    chosen = {
        "record_folder": "" if names.folder == FileNames().folder else str(names.folder),
        "record_names": names.template,
        "record_sample": recordings.sample,
        "record_format": settings.format,
        "record_compression": settings.compression or "none",
    }
    live = live_settings()
    for name, value in chosen.items():  # each is applied at once
        setattr(live, name, value)


def _of_recordings(live: Any) -> dict[str, Any]:
    values: dict[str, Any] = live.model_dump()
    return {name: value for name, value in values.items() if name.startswith("record_")}
