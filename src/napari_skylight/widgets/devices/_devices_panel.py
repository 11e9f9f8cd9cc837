"""The dock to look at devices and set them, whether or not a plan runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QEvent, QSignalBlocker, QSize, Qt, QTimer
from qtpy.QtWidgets import QLineEdit, QListWidget, QSizePolicy, QVBoxLayout, QWidget

from napari_skylight.session import Session, Setting, SettingsWatch
from napari_skylight.widgets._colours import is_new_theme, muted, red
from napari_skylight.widgets._dock_visibility import DockVisibility
from napari_skylight.widgets._form_area import FormArea
from napari_skylight.widgets._plain_text import text_label
from napari_skylight.widgets._separator import Rule
from napari_skylight.widgets._signal_links import Links
from napari_skylight.widgets.devices._setting_rows import SettingRows

__all__ = ["DevicesPanel"]

_REDRAW_MS = 40
_MOST_DEVICES = 6
"""How many devices are seen without scrolling."""

# Napari's themes do not show where the keyboard is, and set lists tight.
_STYLE = """
QListWidget, QComboBox, QCheckBox {{ border: 1px solid transparent; }}
QListWidget:focus, QComboBox:focus, QCheckBox:focus {{ border: 1px solid {colour}; }}
QListWidget::item {{ padding: 2px; }}
"""


class DevicesPanel(QWidget):
    """The devices of `session`, and the settings of the chosen one.

    What is shown is what the devices say: a change that was refused goes back, and why is told
    below. Nothing is asked of any device while the panel is hidden.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._watches = _Watches()
        self._watch: SettingsWatch | None = None
        self._rows: SettingRows | None = None
        self._refused = ""
        self._preferred = ""
        self._search = QLineEdit()
        self._search.setObjectName("search")
        self._search.setPlaceholderText("Search devices and settings")
        self._search.setClearButtonEnabled(True)
        self._list = _DeviceList()
        self._form_area = FormArea()
        self._note = text_label(name="note", wrap=True)
        self._problem = text_label(name="setting-error", wrap=True)
        self._problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out()
        self._is_visible = False
        DockVisibility(self).changed.connect(self._on_visibility_changed)
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(_REDRAW_MS)
        self._redraw.timeout.connect(self._show_states)
        self._search.textChanged.connect(self._on_search_changed)
        self._list.currentTextChanged.connect(self._on_device_chosen)
        self._links = Links(self)
        self._watch_links = Links(self)
        self.destroyed.connect(self._watches.close)
        self._links.connect(session.devices_changed, self._on_devices_changed)
        self._on_devices_changed()

    def close_links(self) -> None:
        """Hear nothing of the session and its devices any more; for whoever takes the dock down."""
        self._links.cut()
        self._watch_links.cut()
        self._watches.close()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a size at which most devices show all their settings."""
        return super().sizeHint().expandedTo(QSize(320, 400))

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Take over the theme."""
        super().changeEvent(event)
        if is_new_theme(event):
            self._problem.setStyleSheet(f"color: {red(self).name()};")
            for part in (self._list, self._form_area):
                part.setStyleSheet(_STYLE.format(colour=muted(self).name()))

    def _on_visibility_changed(self, visible: bool) -> None:
        self._is_visible = visible
        self._watches.follow(self._watch if visible else None)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        for part in (self._search, self._list, Rule(), self._note, self._form_area, self._problem):
            layout.addWidget(part)
        layout.addStretch(1)
        self._problem.hide()

    # ---- the devices -------------------------------------------------------------------------

    def _on_devices_changed(self) -> None:
        self._watches.keep(self._session)
        self._show_list()

    def _on_search_changed(self) -> None:
        self._show_list()
        self._search_rows()

    def _on_device_chosen(self, name: str) -> None:
        self._preferred = name
        self._show_device(name)

    def _show_list(self) -> None:
        wanted = self._wanted
        names = [
            name
            for name, watch in self._watches.items()
            if wanted in name.casefold() or any(map(self._is_wanted, watch.settings))
        ]
        with QSignalBlocker(self._list):
            self._list.show_names(names, self._preferred)
        self._show_device(self._list.chosen)

    @property
    def _wanted(self) -> str:
        return self._search.text().strip().casefold()

    def _is_wanted(self, setting: Setting) -> bool:
        return self._wanted in f"{setting.path} {setting.label}".casefold()

    # ---- the settings of the chosen one ------------------------------------------------------

    def _show_device(self, name: str) -> None:
        watch = self._watches.get(name)
        self._note.setText(self._note_for(name, watch))
        self._note.setVisible(bool(self._note.text()))
        if watch is self._watch:
            return
        self._watch_links.cut()
        self._watch = watch
        self._rows = SettingRows(watch.settings if watch is not None else ())
        self._watch_links = Links(self._rows)
        self._form_area.setWidget(self._rows)
        if watch is not None:
            self._rows.entered.connect(self._on_value_entered)
            self._watch_links.connect(watch.changed, self._on_watch_changed)
            self._rows.show_states(watch.states)
            self._show_states()
        self._search_rows()
        self._watches.follow(watch if self._is_visible else None)

    def _note_for(self, name: str, watch: SettingsWatch | None) -> str:
        if watch is None:
            wanted = self._search.text().strip()
            return f"Nothing is called {wanted}." if wanted else "No device is connected."
        return "" if watch.settings else f"There is nothing to set on {name}."

    def _search_rows(self) -> None:
        if self._rows is None or self._watch is None:
            return
        all_are = self._wanted in self._list.chosen.casefold()
        self._rows.hide_rows(
            {
                setting.path
                for setting in self._watch.settings
                if not (all_are or self._is_wanted(setting))
            }
        )

    def _on_value_entered(self, path: str, value: Any) -> None:
        if self._watch is not None:
            self._tell("", "")
            self._watch.set(path, value)
            self._show_states()

    def _on_watch_changed(self) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    def _show_states(self) -> None:
        if self._watch is None or self._rows is None:
            return
        states = self._watch.take()
        self._rows.show_states(states)
        for path, state in states.items():
            if state.refusal or path == self._refused:
                self._tell(path, state.refusal)

    def _tell(self, path: str, problem: str) -> None:
        self._refused = path
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))


class _DeviceList(QListWidget):
    """The names of the devices, as high as it needs to be."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("devices")
        self.setAccessibleName("Devices")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def chosen(self) -> str:
        """The name of the device chosen; empty when there is none."""
        item = self.currentItem()
        return "" if item is None else item.text()

    def show_names(self, names: Sequence[str], preferred: str) -> None:
        """List `names`, and choose `preferred` or else the first."""
        if names != [self.item(row).text() for row in range(self.count())]:
            self.clear()
            self.addItems(names)
            self.updateGeometry()
        if names:
            self.setCurrentRow(names.index(preferred) if preferred in names else 0)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the height of what is listed, within bounds."""
        rows = min(max(self.count(), 1), _MOST_DEVICES)
        height = max(self.sizeHintForRow(0), self.fontMetrics().height())
        return QSize(super().minimumSizeHint().width(), rows * height + 2 * self.frameWidth())

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Be as high as the style has it."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self.updateGeometry()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the same height."""
        return QSize(0, self.sizeHint().height())


class _Watches(dict[str, SettingsWatch]):
    """A watch for each device, by name; at most one of them follows its device."""

    is_closed = False

    def keep(self, session: Session) -> None:
        """Have watches for the devices of `session`, and for no others."""
        # A device may go while they are counted.
        found = {name: session.devices.get(name) for name in session.devices}
        devices = {name: device for name, device in found.items() if device is not None}
        kept = {name: self.get(name) for name in devices}
        for name, watch in list(self.items()):
            if devices.get(name) is not watch.device:
                watch.stop()
                kept[name] = None
        self.clear()
        for name, device in devices.items():
            self[name] = kept[name] or SettingsWatch(session, device)

    def follow(self, chosen: SettingsWatch | None) -> None:
        """Follow the device of `chosen`, and no other."""
        for watch in self.values():
            if watch is not chosen:
                watch.stop()
        if chosen is not None and not self.is_closed:
            chosen.start()

    def close(self) -> None:
        """Follow nothing, for good."""
        self.is_closed = True
        self.follow(None)
