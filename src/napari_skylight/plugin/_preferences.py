"""What the person set on the plugin's page of napari's preferences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.settings import get_plugin_settings
from npe2 import PluginManager
from psygnal import Signal

from napari_skylight._notifications import PLUGIN

if TYPE_CHECKING:
    from napari_skylight.session import Session
    from napari_skylight.viewer import ViewerLink

MEGABYTE = 1_000_000


def live_settings() -> Any:
    """Return the settings of the manifest's section "Live view", as napari has them now."""
    return get_plugin_settings(PLUGIN).live


class Preferences:
    """Tells when the settings have changed, and applies them.

    napari makes all settings of plugins anew when any plugin is enabled or disabled.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._live = live_settings()
        self._live.events.connect(self._on_changed)
        PluginManager.instance().events.enablement_changed.connect(self._on_plugins_changed)

    def close(self) -> None:
        """Hear nothing any more."""
        self._live.events.disconnect(self._on_changed)
        PluginManager.instance().events.enablement_changed.disconnect(self._on_plugins_changed)

    def apply(self, link: ViewerLink, session: Session) -> None:
        """Have what is shown, and how much is kept, as it was set."""
        link.display_rate = self._live.display_rate
        link.autoscale = self._live.autoscale
        link.show_counts = self._live.show_counts
        link.warn_saturated = self._live.warn_saturated
        session.caches.stack_bytes = self._live.stack_size * MEGABYTE

    @property
    def show_counts(self) -> bool:
        """Whether frame rates and counts are written on the canvas."""
        return bool(self._live.show_counts)

    def _on_changed(self, _event: object = None) -> None:
        self.changed.emit()

    def _on_plugins_changed(self) -> None:
        self._live.events.disconnect(self._on_changed)
        self._live = live_settings()
        self._live.events.connect(self._on_changed)
        self.changed.emit()
