"""The question where and how to save the stacks."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_skylight.recording import FileNames, FileSettings
from napari_skylight.session import KeptImages, Session
from napari_skylight.widgets._display_text import count_of, frames, plain_tip, size, text_label

_FORMATS = {"ome-zarr": "OME-Zarr", "ome-tiff": "OME-TIFF"}
_FIELDS = (
    "{date}, {time}, {plan}, {sample}, {camera} and {counter} stand for their values.\n"
    "A / makes folders. A name that exists gets a number: nothing is overwritten."
)


class SaveDialog(QDialog):
    """Asks for folder, name and format, with a preview of the first file.

    Starts with those of the session's recordings, which get what the user has chosen.
    """

    chosen = Signal()
    """The user has chosen to save."""

    def __init__(
        self, session: Session, images: Sequence[KeptImages], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._saves, self._recordings = session.saves, session.recordings
        self._images = images
        self._nbytes = sum(each.data.nbytes for each in images)
        self.setWindowTitle("Save stacks")
        names, settings = session.recordings.names, session.recordings.file_settings
        self._folder = _line("folder", str(names.folder))
        browse = QPushButton("Browse…")
        browse.setAutoDefault(False)
        browse.clicked.connect(self._on_browse_clicked)
        self._name = _line("name", names.template)
        self._name.setToolTip(plain_tip(_FIELDS))
        self._sample = _line("sample", session.recordings.sample)
        self._sample.setToolTip(plain_tip("Stands for {sample} in the name."))
        self._format = QComboBox()
        self._format.setObjectName("format")
        for kind, title in _FORMATS.items():
            self._format.addItem(title, kind)
        self._format.setCurrentText(_FORMATS[settings.format])
        self._compress = QCheckBox("Compress, without loss")
        self._compress.setObjectName("compress")
        self._compress.setChecked(settings.compression is not None)
        self._preview = text_label(name="preview", wrap=True)
        self._room = text_label(name="room", wrap=True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._save = buttons.addButton("Save", QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._on_accepted)
        buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.addWidget(self._folder, 1)
        row.addWidget(browse)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Folder", row)
        form.addRow("Name", self._name)
        form.addRow("Sample", self._sample)
        form.addRow("Format", self._format)
        form.addRow("", self._compress)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self._preview)
        layout.addWidget(self._room)
        layout.addWidget(buttons)
        self.resize(560, 0)
        for each in (self._folder, self._name, self._sample):
            each.textChanged.connect(self._refresh)
        self._format.currentIndexChanged.connect(self._refresh)
        self._refresh()

    def _settings(self) -> FileSettings:
        return FileSettings(
            self._format.currentData(),
            self._recordings.file_settings.backend,
            "zstd" if self._compress.isChecked() else None,
        )

    def _refresh(self) -> None:
        number = sum(len(each.frames) for each in self._images)
        stacks = f"{count_of(len(self._images), 'stack')}, {frames(number)}, {size(self._nbytes)}"
        try:
            names = FileNames(self._name.text(), self._folder.text())
            path = self._saves.preview(
                self._images[0], names, self._settings(), self._sample.text()
            )
            free = _free(names.folder)
        except (ValueError, OSError) as error:
            self._preview.setText(str(error))
            self._room.setText(stacks)
            self._save.setEnabled(False)
            return
        several = "First file" if len(self._images) > 1 else "File"
        self._preview.setText(f"{several}: {path.relative_to(names.folder)}")
        self._room.setText(f"{stacks}; {size(free)} free on the disk")
        self._save.setEnabled(True)
        if free < self._nbytes and not self._compress.isChecked():
            self._room.setText(f"{stacks}: the disk has only {size(free)} left.")

    def _on_browse_clicked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder", self._folder.text())
        if folder:
            self._folder.setText(folder)

    def _on_accepted(self) -> None:
        self._recordings.names = FileNames(self._name.text(), self._folder.text())
        self._recordings.file_settings = self._settings()
        self._recordings.sample = self._sample.text()
        self.chosen.emit()
        self.accept()


def _line(name: str, text: str) -> QLineEdit:
    line = QLineEdit(text)
    line.setObjectName(name)
    return line


def _free(folder: Path) -> int:
    """Return the bytes free on the disk of `folder`, which need not exist."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
