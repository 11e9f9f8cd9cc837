"""The Devices dock: a tree of devices, and of the signals of each."""

from __future__ import annotations

from collections.abc import Collection

from qtpy.QtCore import QSize, QTimer
from qtpy.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_skylight.session import Session, Setting, SettingsWatch
from napari_skylight.widgets._colours import ThemedWidget, muted, red, shape_icon
from napari_skylight.widgets._display_text import text_label
from napari_skylight.widgets._layout import DockVisibility, FormArea, order_tabs
from napari_skylight.widgets._signal_links import Links
from napari_skylight.widgets.devices._device_section import DeviceSection

_REDRAW_MS = 40

# napari's themes do not show where the keyboard focus is.
_STYLE = """
QComboBox, QCheckBox {{ border: 1px solid transparent; }}
QComboBox:focus, QCheckBox:focus {{ border: 1px solid {colour}; }}
"""


class DevicesPanel(ThemedWidget):
    """The devices of `session`, whether or not a plan runs.

    It shows what the devices report: a refused value goes back to the true one, with the reason
    below. Only devices that are expanded are read, and none while the panel is hidden.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._watches = _Watches()
        self._sections: dict[str, DeviceSection] = {}
        self._expanded: set[str] | None = None  # until there is a device: then the first
        self._is_visible = False
        DockVisibility(self).changed.connect(self._on_visibility_changed)
        self._search = QLineEdit()
        self._search.setObjectName("search")
        self._search.setPlaceholderText("Search devices and signals")
        self._search.setClearButtonEnabled(True)
        self._note = text_label(name="note", wrap=True)
        self._form_area = FormArea()
        self._tree = QWidget()
        self._stop = QPushButton("Stop motion")
        self._stop.setObjectName("stop-motion")
        self._stop.setToolTip("Stop every device that is moving, by hand or by the plan")
        self._stop.setAutoDefault(True)
        self._stop.clicked.connect(session.stop_motion)
        self._is_moving: bool | None = None
        self._lay_out()
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(_REDRAW_MS)
        self._redraw.timeout.connect(self._on_redraw)
        self._refused: QWidget | None = None
        self._show_refused = QTimer(self)
        self._show_refused.setSingleShot(True)  # once it is laid out
        self._show_refused.timeout.connect(self._on_show_refused)
        self._search.textChanged.connect(self._show_sections)
        self._form_area.rearranged.connect(self._order_tabs)
        self._links = Links(self)
        self.destroyed.connect(self._watches.close)
        self._links.connect(session.devices_changed, self._on_devices_changed)
        self._links.connect(session.motion_changed, self._show_motion)
        self._links.connect(session.progress.changed, self._show_motion)
        self._on_devices_changed()

    def close_links(self) -> None:
        """Stop listening to the session and its devices, before the panel is deleted."""
        self._links.cut()
        for section in self._sections.values():
            section.cut_links()
        self._watches.close()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a size at which most devices show all their signals."""
        return super().sizeHint().expandedTo(QSize(320, 400))

    def _apply_theme(self) -> None:
        self._note.setStyleSheet(f"color: {muted(self).name()};")
        self._is_moving = None
        self._show_motion()
        self._form_area.setStyleSheet(_STYLE.format(colour=muted(self).name()))

    def _lay_out(self) -> None:
        self._rows = QVBoxLayout(self._tree)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)
        self._form_area.setWidget(self._tree)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        for part in (self._search, self._note, self._form_area):
            layout.addWidget(part)
        layout.addStretch(1)
        layout.addWidget(self._stop)

    # ---- the devices -------------------------------------------------------------------------

    def _on_devices_changed(self) -> None:
        self._watches.keep(self._session)
        for name, section in list(self._sections.items()):
            if self._watches.get(name) is not section.watch:
                section.cut_links()
                section.hide()
                section.deleteLater()
                del self._sections[name]
        for place, (name, watch) in enumerate(self._watches.items()):
            section = self._sections.get(name) or self._create_section(name, watch)
            self._sections[name] = section
            self._rows.insertWidget(place, section)
        if self._expanded is None and self._watches:
            self._expanded = {next(iter(self._watches))}
        self._show_sections()

    def _create_section(self, name: str, watch: SettingsWatch) -> DeviceSection:
        section = DeviceSection(name, watch)
        section.toggled.connect(self._on_toggled)
        section.updated.connect(self._on_updated)
        section.moved.connect(self._move_focus)
        section.refused.connect(self._on_refused)
        section.rows_added.connect(self._order_tabs)
        return section

    def _on_toggled(self, name: str, expanded: bool) -> None:
        if self._expanded is not None and not self._wanted:
            (self._expanded.add if expanded else self._expanded.discard)(name)
        self._sections[name].expand(expanded)
        self._search_in(self._sections[name])
        self._follow()

    def _move_focus(self, name: str, step: int) -> None:
        shown = [each for each in self._watches if self._sections[each].isVisible()]
        place = shown.index(name) + step
        if 0 <= place < len(shown):
            header = self._sections[shown[place]].header
            header.setFocus()
            self._form_area.ensureWidgetVisible(header)

    def _on_updated(self) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    def _on_redraw(self) -> None:
        for section in self._sections.values():
            section.refresh()

    def _on_refused(self, label: QWidget) -> None:
        self._refused = label
        self._show_refused.start(0)

    def _on_show_refused(self) -> None:
        label, self._refused = self._refused, None
        if label is not None and label.isVisible():
            self._form_area.ensureWidgetVisible(label, 0, 0)

    def _order_tabs(self) -> None:
        sections = [self._sections[name] for name in self._watches]
        order_tabs([self._search, *sections, self._stop])

    # ---- what is shown -----------------------------------------------------------------------

    def _show_sections(self) -> None:
        """Show what is searched for, expanded; or everything, as the user has expanded it."""
        wanted = self._wanted
        for name, section in self._sections.items():
            found = wanted in name.casefold() or any(map(self._is_wanted, section.watch.settings))
            section.setVisible(found)
            section.expand(found and bool(wanted or name in (self._expanded or ())))
            self._search_in(section)
        none_found = not any(not each.isHidden() for each in self._sections.values())
        self._note.setText(
            f"Nothing is called {self._search.text().strip()}."
            if wanted
            else "No device is connected."
        )
        self._note.setVisible(none_found)
        self._follow()

    def _show_motion(self) -> None:
        """Show the button in red while something moves."""
        is_moving = self._session.is_moving or self._plan_moves()
        if is_moving != self._is_moving:
            self._is_moving = is_moving
            self._stop.setIcon(shape_icon("stop", red(self) if is_moving else muted(self)))
            self._stop.setStyleSheet(f"color: {red(self).name()};" if is_moving else "")

    def _plan_moves(self) -> bool:
        """Return whether the plan waits for something that can be set."""
        progress = self._session.progress.now
        awaited = {each.name for each in progress.waiting} if progress is not None else set()
        return any(
            setting.settable and getattr(setting.part, "name", "") in awaited
            for watch in self._watches.values()
            for setting in watch.settings
        )

    @property
    def _wanted(self) -> str:
        return self._search.text().strip().casefold()

    def _is_wanted(self, setting: Setting) -> bool:
        return self._wanted in f"{setting.path} {setting.label}".casefold()

    def _search_in(self, section: DeviceSection) -> None:
        is_found = self._wanted in section.name.casefold()
        section.search(lambda setting: is_found or self._is_wanted(setting))

    def _on_visibility_changed(self, visible: bool) -> None:
        self._is_visible = visible
        self._follow()

    def _follow(self) -> None:
        shown = [
            name
            for name, each in self._sections.items()
            if self._is_visible and each.is_expanded and not each.isHidden()
        ]
        self._watches.follow(shown)


class _Watches(dict[str, SettingsWatch]):
    """A watch for each device, by name."""

    is_closed = False

    def keep(self, session: Session) -> None:
        """Have watches for the devices of `session`, and for no others."""
        # A device may be removed meanwhile, by another thread.
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

    def follow(self, names: Collection[str]) -> None:
        """Read the devices of these names, and no others."""
        for name, watch in self.items():
            if name in names and not self.is_closed:
                watch.start()
            else:
                watch.stop()

    def close(self) -> None:
        """Read no device any more."""
        self.is_closed = True
        self.follow(())
