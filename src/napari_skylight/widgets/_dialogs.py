"""A window with text to read and copy; the questions for a file and a folder."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QFontDatabase, QGuiApplication, QTextCursor
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)


class TextDialog(QDialog):
    """A modeless window that shows `text` until closed or replaced by one of the same title.

    As a tool window of `parent`, it shares the shortcuts there. A `fixed` one is for tracebacks: in
    a monospaced font, without wrapping.
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


def choose_file(parent: QWidget | None, title: str, pattern: str) -> str:
    """Ask for an existing file that matches `pattern`, such as "*.cfg"; "" if cancelled."""
    file, _ = QFileDialog.getOpenFileName(parent, title, filter=pattern)
    return str(file)


def choose_folder(parent: QWidget | None, title: str) -> str:
    """Ask for an existing folder; "" if cancelled."""
    return str(QFileDialog.getExistingDirectory(parent, title))
