"""A window with text to read and copy, beside the work rather than in front of it."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QFontDatabase, QGuiApplication, QTextCursor
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

__all__ = ["TextDialog"]


class TextDialog(QDialog):
    """Shows `text` until closed, or until another of that title; does not block.

    It is a tool of the window of `parent`, so that the shortcuts there work here too.

    Parameters
    ----------
    title, text : str
    parent : QWidget
    fixed : bool
        Whether every letter has the same width, as a traceback wants it.
    """

    def __init__(self, title: str, text: str, parent: QWidget, *, fixed: bool = False) -> None:
        super().__init__(parent, Qt.WindowType.Tool)
        for earlier in parent.findChildren(TextDialog):
            if earlier.windowTitle() == title:
                earlier.close()
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.text = QPlainTextEdit(text)
        self.text.setReadOnly(True)
        if fixed:
            self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
            self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(self._on_copy_clicked)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(buttons)
        self.resize(640, 400)

    def show_end(self) -> None:
        """Scroll to the last line."""
        self.text.moveCursor(QTextCursor.MoveOperation.End)
        self.text.moveCursor(QTextCursor.MoveOperation.StartOfBlock)
        self.text.ensureCursorVisible()

    def _on_copy_clicked(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
