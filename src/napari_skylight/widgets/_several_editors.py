"""What several values are edited with: a line of text, or boxes to tick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QCheckBox, QLineEdit, QWidget
from superqt.utils import QFlowLayout

__all__ = ["ChecksEditor", "ListEditor"]


class ListEditor:
    """Numbers or words with commas between them."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self.native = QLineEdit()
        self.native.setPlaceholderText("one, two, …" if kind is str else "1, 2, …")

    @property
    def value(self) -> list[Any]:
        """The items, in order."""
        return [self._item(text.strip()) for text in self.native.text().split(",") if text.strip()]

    @value.setter
    def value(self, value: Any) -> None:
        self.native.setText(", ".join(map(str, value)))

    def _item(self, text: str) -> Any:
        try:
            return self._kind(text)
        except ValueError:
            number = "a whole number" if self._kind is int else "a number"
            raise ValueError(f"{text} is not {number}.") from None

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self.native.textChanged.connect(lambda _: callback())


class ChecksEditor:
    """Several of a few choices, each with its box to tick."""

    def __init__(self, choices: list[Any]) -> None:
        self.native = QWidget()
        layout = QFlowLayout(self.native)
        layout.setContentsMargins(0, 0, 0, 0)
        self._boxes = {choice: QCheckBox(str(choice)) for choice in choices}
        for box in self._boxes.values():
            layout.addWidget(box)

    @property
    def value(self) -> list[Any]:
        """The choices that are ticked, in the order they are offered."""
        return [choice for choice, box in self._boxes.items() if box.isChecked()]

    @value.setter
    def value(self, value: Any) -> None:
        for choice, box in self._boxes.items():
            box.setChecked(choice in (value or ()))

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        for box in self._boxes.values():
            box.toggled.connect(lambda _: callback())
