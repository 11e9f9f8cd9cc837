"""The fields for folder, name and format of image files, with a preview of the next one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_skylight.recording import FileNames, FileSettings
from napari_skylight.session import free_bytes
from napari_skylight.widgets._display_text import plain_tip, text_label

_FORMATS = {"ome-zarr": "OME-Zarr", "ome-tiff": "OME-TIFF"}
_FIELDS = (
    "{date}, {time}, {plan}, {sample}, {camera} and {counter} stand for their values.\n"
    "A / makes folders. A name that exists gets a number: nothing is overwritten."
)

Preview = Callable[[FileNames, FileSettings, str], Path]


class FileForm(QWidget):
    """Folder, name, sample and format, with a preview of the file.

    Parameters
    ----------
    names, settings, sample
        Shown at first.
    preview : callable
        Returns the path for names, settings and a sample; raises ValueError or OSError.
    """

    changed = Signal()

    def __init__(
        self, names: FileNames, settings: FileSettings, sample: str, preview: Preview
    ) -> None:
        super().__init__()
        self._before = settings
        self._preview_of = preview
        self._folder = _line("folder", str(names.folder))
        browse = QPushButton("Browse…")
        browse.setAutoDefault(False)
        browse.clicked.connect(self._on_browse_clicked)
        self._name = _line("name", names.template)
        self._name.setToolTip(plain_tip(_FIELDS))
        self._sample = _line("sample", sample)
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
        row = QHBoxLayout()
        row.addWidget(self._folder, 1)
        row.addWidget(browse)
        self._form = QFormLayout()
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.addRow("Folder", row)
        self._form.addRow("Name", self._name)
        self._form.addRow("Sample", self._sample)
        self._form.addRow("Format", self._format)
        self._form.addRow("", self._compress)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._form)
        layout.addWidget(self._preview)
        for each in (self._folder, self._name, self._sample):
            each.textChanged.connect(self.changed)
        self._format.currentIndexChanged.connect(self.changed)
        self._compress.toggled.connect(self.changed)

    @property
    def names(self) -> FileNames:
        """The template and the folder; ValueError if there can be no such name."""
        return FileNames(self._name.text(), self._folder.text())

    @property
    def settings(self) -> FileSettings:
        """The format and the compression."""
        kind, backend = self._format.currentData(), self._before.backend
        return FileSettings(kind, backend, "zstd" if self._compress.isChecked() else None)

    @property
    def sample(self) -> str:
        """What ``{sample}`` stands for."""
        return self._sample.text()

    def look(self, title: str) -> int | None:
        """Show the next file after `title`; return the bytes free, None if there can be none."""
        try:
            names = self.names
            path = self._preview_of(names, self.settings, self.sample)
            free = free_bytes(names.folder)
        except (ValueError, OSError) as error:
            self._preview.setText(str(error))
            return None
        self._preview.setText(f"{title}: {path.relative_to(names.folder)}")
        return free

    def _on_browse_clicked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder", self._folder.text())
        if folder:
            self._folder.setText(folder)


def _line(name: str, text: str) -> QLineEdit:
    line = QLineEdit(text)
    line.setObjectName(name)
    return line
