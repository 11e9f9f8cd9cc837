"""What is seldom needed, folded away under a line of text."""

from __future__ import annotations

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QWidget
from superqt import QCollapsible

from napari_skylight.widgets._colours import is_new_theme, muted

__all__ = ["INDENT", "Fold"]

INDENT = 12
"""How far what belongs to the line above stands to the right, in pixels."""

_PLAIN = """
QPushButton {{ text-align: left; border: 1px solid transparent; padding: 3px 0px; }}
QPushButton, :hover, :checked, :pressed {{ background: transparent; }}
QPushButton:focus {{ border: 1px solid {colour}; }}
"""


class Fold(QCollapsible):
    """Shows and hides `content` at once; a plain line rather than a bar.

    Parameters
    ----------
    title : str
    content : QWidget
    """

    def __init__(self, title: str, content: QWidget) -> None:
        super().__init__(title)
        self.setObjectName("more")
        self.setDuration(0)
        for layout, indent in ((self.layout(), 0), (self.content().layout(), INDENT)):
            assert layout is not None
            layout.setContentsMargins(indent, 0, 0, 0)
            layout.setSpacing(0)
        self.toggleButton().setAutoDefault(True)
        self.addWidget(content)
        self._draw_arrows()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Take over the theme."""
        super().changeEvent(event)
        if is_new_theme(event):
            self.toggleButton().setStyleSheet(_PLAIN.format(colour=muted(self).name()))
            self._draw_arrows()

    def _draw_arrows(self) -> None:
        # drawn by superqt in the text colour there is at this moment
        self.setExpandedIcon("▾")
        self.setCollapsedIcon("▸")
