"""The question for a file."""

from __future__ import annotations

from qtpy.QtWidgets import QFileDialog, QWidget

__all__ = ["choose_file"]


def choose_file(parent: QWidget | None, title: str, pattern: str) -> str:
    """Return the file a person chose, an empty text if they chose none.

    Parameters
    ----------
    parent : QWidget, optional
    title : str
    pattern : str
        Such as ``"*.cfg"``.
    """
    file, _ = QFileDialog.getOpenFileName(parent, title, filter=pattern)
    return str(file)
