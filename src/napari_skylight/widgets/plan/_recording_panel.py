"""Recording in Plan control: where the next file goes, and the present recordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout

from napari_skylight.plans.spec import PlanSpec
from napari_skylight.protocols import RecordingSettings
from napari_skylight.recording import RecordingState
from napari_skylight.session import NextFile, NextRecording, Session
from napari_skylight.widgets._colours import ThemedWidget, muted, red
from napari_skylight.widgets._display_text import breakable, plain_tip, size, text_label
from napari_skylight.widgets._path_label import PathLabel
from napari_skylight.widgets._signal_links import Links
from napari_skylight.widgets.plan._recording_rows import Open, RecordingRows, lasting
from napari_skylight.widgets.plan._status_parts import Rate

RECORD = "record"
"""The name of the plan that records, and of the action that does so in others."""

Ask = Callable[[str, str], None]


class RecordingPanel(ThemedWidget):
    """Where the next recording goes, and how far the present ones are.

    Visible if the plan is `record`, while another that can record runs, and while there are
    recordings to show.

    Parameters
    ----------
    session : Session
    ask : callable, optional
        Asks for folder, name and format, of recordings of a camera by a plan.
    open_file : callable, optional
        Opens a recording.
    """

    def __init__(self, session: Session, ask: Ask | None, open_file: Open | None) -> None:
        super().__init__()
        self.setObjectName("recording_panel")
        self._session = session
        self._ask_user = ask
        self._next = NextRecording(session.recordings)
        self._spec = PlanSpec("", "")
        self._values: Mapping[str, Any] = {}
        self._rate = Rate()
        self._path = PathLabel("next_file")
        self._button = QPushButton("Record to…")
        self._button.setObjectName("record_to")
        self._button.setAutoDefault(True)
        self._button.setToolTip(plain_tip("Choose folder, name, sample and format of recordings"))
        self._button.setVisible(ask is not None)
        self._button.clicked.connect(self._on_button_clicked)
        self._room = text_label(name="room", wrap=True)
        self._rows = RecordingRows(open_file)
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self._room, 1)
        top.addWidget(self._button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._path)
        layout.addLayout(top)
        layout.addWidget(self._rows)
        self._links = Links(self)
        self._links.connect(session.recordings.changed, self._on_recordings_changed)
        self._links.connect(session.recordings.settings_changed, self.look)
        self._links.connect(session.state_changed, self.look)
        self._links.connect(self._next.changed, self.refresh)
        self.refresh()

    def cut_links(self) -> None:
        """Stop listening to the session."""
        self._links.cut()

    def show_plan(self, spec: PlanSpec, values: Mapping[str, Any]) -> None:
        """Show where a plan with `values` would record to."""
        if spec.name != self._spec.name:
            self._rate.reset()
        self._spec, self._values = spec, values
        self.look()

    def look(self) -> None:
        """Look up where the next recording goes."""
        if self._can_record:
            camera, channel, settings = self._first_file()
            self._next.ask(camera, channel, settings, self._spec.name)
        self.refresh()

    def refresh(self) -> None:
        """Show the present state."""
        recordings = self._session.recordings.last
        self._rows.show_statuses(recordings)
        is_active = any(each.state is not RecordingState.ENDED for each in recordings)
        offered = self._spec.name == RECORD or (self._can_record and self._session.state.busy)
        before = offered and not is_active
        self._path.setVisible(before)
        self._room.setVisible(before)
        has_form = self._spec.name == RECORD
        self._button.setVisible(before and self._ask_user is not None and not has_form)
        if before:
            self._show_next(self._next.now or NextFile())
        self.setVisible(before or bool(recordings))

    def _show_next(self, file: NextFile) -> None:
        text = ""
        if file.path is not None and file.folder is not None:
            text = f"Next: …/{file.path.relative_to(file.folder).as_posix()}"
        self._path.show_path(file.path, text)
        words = file.problem
        if file.free_bytes is not None:
            words = f"{size(file.free_bytes)} free"
            if rate := self._bytes_per_second():
                words += f", {lasting(file.free_bytes / rate)} at this rate"
        self._room.setText(breakable(words))
        self._room.setStyleSheet(f"color: {(red if file.problem else muted)(self).name()};")

    def _bytes_per_second(self) -> float:
        """Return the bytes of frames that come each second."""
        live = [cache for cache in self._session.caches if cache.kind == "live"]
        frames = sum(cache.counts.acquired for cache in live)
        nbytes = [cache.frame_nbytes for cache in live if cache.frame_nbytes]
        return self._rate.update(frames) * sum(nbytes) / len(nbytes) if nbytes else 0.0

    @property
    def _can_record(self) -> bool:
        names = {action.name for action in self._spec.actions}
        return self._spec.name == RECORD or RECORD in names

    def _first_file(self) -> tuple[str, str, RecordingSettings]:
        """Return the first camera and channel, and the settings in the form of `record`."""
        cameras = [getattr(each, "name", str(each)) for each in self._values.get("cameras", ())]
        channels = self._values.get("channels", ())
        channel = channels[0] if len(channels) > 1 else ""  # one is not in names
        settings = RecordingSettings()
        if self._spec.name == RECORD:
            settings = RecordingSettings(
                folder=self._values.get("folder"),
                name=self._values.get("name"),
                sample=self._values.get("sample") or None,
                format=self._values.get("format"),
            )
        several = (
            len(cameras) * max(1, len(channels)) * (1 + len(self._values.get("process", ()))) > 1
        )
        first = cameras[0] if cameras else ""
        return first, channel, settings.for_several() if several else settings

    def _on_button_clicked(self) -> None:
        if self._ask_user is not None:
            self._ask_user(self._first_file()[0], self._spec.name)

    def _on_recordings_changed(self) -> None:
        recordings = self._session.recordings.last
        if recordings and all(each.state is RecordingState.ENDED for each in recordings):
            self.look()  # its name is taken now
        else:
            self.refresh()

    def _apply_theme(self) -> None:
        self.refresh()
