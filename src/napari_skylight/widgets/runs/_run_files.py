"""The image files of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_skylight.recording import FileSettings, ImageFile
from napari_skylight.widgets._display_text import frames, text_label
from napari_skylight.widgets._path_label import PathLabel

_MOST = 6  # files that are listed


class RunFiles(QWidget):
    """A line for each file: its path, which a click copies, its frames, and *Open*.

    `open_file` opens an image file of this program; those of detectors have no button.
    """

    def __init__(self, open_file: Callable[[Path], None] | None) -> None:
        super().__init__()
        self._open_file = open_file
        self._shown: Sequence[ImageFile] = ()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self.hide()

    def show_files(self, files: Sequence[ImageFile]) -> None:
        """List `files`."""
        if files == self._shown:
            return
        self._shown = files
        while (item := self._layout.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for file in files[:_MOST]:
            self._layout.addWidget(self._line(file))
        if len(files) > _MOST:
            more = text_label(f"and {len(files) - _MOST} more", name="more-files")
            self._layout.addWidget(more)
        self.setVisible(bool(files))

    def _line(self, file: ImageFile) -> QWidget:
        path = image_path(file.path)
        line = QWidget()
        label = PathLabel("run-file")
        label.show_path(path)
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(label, 1)
        row.addWidget(text_label(frames(file.count), name="run-file-frames"))
        if self._open_file is not None and _is_ours(path):
            button = QPushButton("Open")
            button.setObjectName("open-run-file")
            button.setToolTip("Show the file as layers")
            button.clicked.connect(partial(self._on_open_clicked, path))
            row.addWidget(button)
        return line

    def _on_open_clicked(self, path: Path, _checked: bool = False) -> None:
        if self._open_file is not None:
            self._open_file(path)


def image_path(path: Path) -> Path:
    """Return the OME-Zarr image that the folder of its pixels is in; any other path as it is."""
    return next((each for each in (path, *path.parents) if each.suffix == ".zarr"), path)


def _is_ours(path: Path) -> bool:
    try:
        FileSettings.for_path(path)
    except ValueError:
        return False
    return True
