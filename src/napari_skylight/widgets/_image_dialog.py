"""The question for an image file, or for a folder that is one."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QWidget

_PATTERNS = "Images (*.zarr *.ome.tif *.ome.tiff);;All files (*)"


class ImageDialog(QFileDialog):
    """Asks for a TIFF file or a ``.zarr`` folder; the system's own dialog opens folders instead."""

    chosen = Signal(str)
    """The path of the image."""

    def __init__(self, folder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, "Open images", folder)
        self.setOption(QFileDialog.Option.DontUseNativeDialog)
        self.setFileMode(QFileDialog.FileMode.ExistingFile)
        self.setNameFilter(_PATTERNS)
        self.directoryEntered.connect(self._on_directory_entered)
        self.fileSelected.connect(self.chosen)

    def accept(self) -> None:
        """Take the chosen file or ``.zarr`` folder."""
        path = next(iter(self.selectedFiles()), "")
        if path.lower().endswith(".zarr"):
            self._take(path)
        else:
            super().accept()

    def _on_directory_entered(self, path: str) -> None:
        if path.lower().endswith(".zarr"):
            self._take(path)

    def _take(self, path: str) -> None:
        self.done(QFileDialog.DialogCode.Rejected)  # Accepted: it would look for a file
        self.chosen.emit(path)
