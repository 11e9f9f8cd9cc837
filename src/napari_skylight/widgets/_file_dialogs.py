"""The questions where and how to save the stacks, and to record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QVBoxLayout, QWidget

from napari_skylight.protocols import RecordingSettings
from napari_skylight.recording import FileNames, FileSettings, Recordings
from napari_skylight.session import KeptImages, Session
from napari_skylight.widgets._display_text import count_of, frames, size, text_label
from napari_skylight.widgets._file_form import FileForm, Preview


class _FileDialog(QDialog):
    """A form for files, the room on their disk, and a button that takes what is in the form.

    The form starts with the settings of `recordings`, which get what the user has chosen.
    """

    chosen = Signal()
    """The user has chosen."""

    def __init__(
        self,
        title: str,
        button: str,
        recordings: Recordings,
        preview: Preview,
        parent: QWidget | None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self._recordings = recordings
        self._form = FileForm(
            recordings.names, recordings.file_settings, recordings.sample, preview
        )
        self._room = text_label(name="room", wrap=True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._accept: QPushButton = buttons.addButton(
            button, QDialogButtonBox.ButtonRole.AcceptRole
        )
        buttons.accepted.connect(self._on_accepted)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self._form)
        layout.addWidget(self._room)
        layout.addWidget(buttons)
        self.resize(560, 0)
        self._form.changed.connect(self._refresh)

    def _refresh(self) -> None:
        raise NotImplementedError

    def _on_accepted(self) -> None:
        names, settings, sample = self._form.names, self._form.settings, self._form.sample
        self._recordings.names = names
        self._recordings.file_settings = settings
        self._recordings.sample = sample
        self.chosen.emit()
        self.accept()


class SaveDialog(_FileDialog):
    """Asks where and how to save stacks, with a preview of the first file."""

    def __init__(
        self, session: Session, images: Sequence[KeptImages], parent: QWidget | None = None
    ) -> None:
        def preview(names: FileNames, settings: FileSettings, sample: str) -> Path:
            return session.saves.preview(images[0], names, settings, sample)

        super().__init__("Save stacks", "Save", session.recordings, preview, parent)
        self._images = images
        self._nbytes = sum(each.data.nbytes for each in images)
        self._refresh()

    def _refresh(self) -> None:
        number = sum(len(each.frames) for each in self._images)
        stacks = f"{count_of(len(self._images), 'stack')}, {frames(number)}, {size(self._nbytes)}"
        free = self._form.look("First file" if len(self._images) > 1 else "File")
        self._accept.setEnabled(free is not None)
        if free is None:
            self._room.setText(stacks)
        elif free < self._nbytes and self._form.settings.compression is None:
            self._room.setText(f"{stacks}: the disk has only {size(free)} left.")
        else:
            self._room.setText(f"{stacks}; {size(free)} free on the disk")


class RecordDialog(_FileDialog):
    """Asks where and how to record, with a preview of the next file of a camera and plan."""

    def __init__(
        self, recordings: Recordings, camera: str, plan: str, parent: QWidget | None = None
    ) -> None:
        def preview(names: FileNames, settings: FileSettings, sample: str) -> Path:
            wanted = RecordingSettings(
                folder=names.folder, name=names.template, sample=sample, format=settings.format
            )
            return recordings.preview(camera, "", wanted, plan)

        super().__init__("Recordings", "OK", recordings, preview, parent)
        self._refresh()

    def _refresh(self) -> None:
        free = self._form.look("Next file")
        self._accept.setEnabled(free is not None)
        self._room.setText("" if free is None else f"{size(free)} free on the disk")
