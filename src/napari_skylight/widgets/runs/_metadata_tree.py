"""A tree of the parameters and metadata of a run, with a search."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from qtpy.QtCore import QSize, QSortFilterProxyModel, Qt
from qtpy.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QStandardItem, QStandardItemModel
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from napari_skylight.session import RunDocuments, RunRecord
from napari_skylight.widgets._display_text import count_of, plain_tip
from napari_skylight.widgets._layout import LEAST_HEIGHT


@dataclass(frozen=True)
class Node:
    """A line of the tree."""

    name: str
    text: str = ""
    children: tuple[Node, ...] = ()


class MetadataTree(QWidget):
    """Shows nodes in a tree: those that match the search, with their children."""

    def __init__(self) -> None:
        super().__init__()
        self._model = QStandardItemModel(0, 2, self)
        self._model.setHorizontalHeaderLabels(["Name", "Value"])
        self._found = QSortFilterProxyModel(self)
        self._found.setSourceModel(self._model)
        self._found.setRecursiveFilteringEnabled(True)
        self._found.setAutoAcceptChildRows(True)
        self._found.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._found.setFilterKeyColumn(-1)
        self._search = QLineEdit()
        self._search.setObjectName("metadata-search")
        self._search.setPlaceholderText("Search parameters and metadata")
        self._search.setClearButtonEnabled(True)
        self._search.textChanged.connect(self._on_search_changed)
        self._tree = _Tree()
        self._tree.setModel(self._found)
        self._top = QHBoxLayout()
        self._top.setSpacing(4)
        self._top.addWidget(self._search, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._top)
        layout.addWidget(self._tree, 1)

    def add_button(self, button: QWidget) -> None:
        """Put a button beside the search."""
        self._top.addWidget(button)

    def show_nodes(self, nodes: Sequence[Node]) -> None:
        """Show `nodes`; lines that stay keep their state and the scroll position."""
        was_empty = not self._model.rowCount()
        _update(self._model.invisibleRootItem(), nodes)
        if was_empty and nodes:
            self._tree.expand(self._found.index(0, 0))
            self._tree.resizeColumnToContents(0)

    def _on_search_changed(self, text: str) -> None:
        self._found.setFilterFixedString(text.strip())
        if text.strip():
            self._tree.expandAll()


class _Tree(QTreeView):
    """Two columns that cannot be edited; Ctrl+C copies the value."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("metadata")
        self.setAccessibleName("Parameters and metadata")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setUniformRowHeights(True)
        self.setIndentation(12)
        self.setMinimumHeight(LEAST_HEIGHT)
        self.header().setStretchLastSection(True)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a small height; the tree takes all there is."""
        return QSize(super().sizeHint().width(), LEAST_HEIGHT)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Copy the value of the line, also with the cursor on its name."""
        if event.matches(QKeySequence.StandardKey.Copy):
            value = self.currentIndex().siblingAtColumn(1).data() or self.currentIndex().data()
            QGuiApplication.clipboard().setText(str(value or ""))
        else:
            super().keyPressEvent(event)


def _update(parent: QStandardItem, nodes: Sequence[Node]) -> None:
    """Show `nodes` below `parent`, changing only what differs."""
    for row, node in enumerate(nodes):
        item = parent.child(row, 0)
        if item is None or item.text() != node.name:
            parent.insertRow(row, [QStandardItem(node.name), QStandardItem()])
            item = parent.child(row, 0)
        value = parent.child(row, 1)
        if value.text() != node.text:
            value.setText(node.text)
            value.setToolTip(plain_tip(node.text))
        _update(item, node.children)
    if parent.rowCount() > len(nodes):
        parent.removeRows(len(nodes), parent.rowCount() - len(nodes))


def nodes_of(record: RunRecord) -> list[Node]:
    """Return the lines for a run."""
    parameters = tuple(
        _node(record.labels[name], value, "not set") for name, value in record.run.values.items()
    )
    several = len(record.documents) > 1
    return [
        Node("Parameters", "" if parameters else "none", parameters),
        *(
            Node(f"Bluesky run {place}" if several else "Bluesky run", "", _run_nodes(documents))
            for place, documents in enumerate(record.documents, 1)
        ),
    ]


def _run_nodes(documents: RunDocuments) -> tuple[Node, ...]:
    streams = {str(each.get("name", "")): each for each in documents.descriptors}
    nodes = [_node("Start", documents.start)]
    for name, descriptor in streams.items():
        text = count_of(documents.events.get(name, 0), "event")
        nodes.append(Node(f"Stream {name}", text, _node("", descriptor).children))
    if documents.stop is not None:
        nodes.append(_node("Stop", documents.stop))
    return tuple(nodes)


def _node(name: str, value: Any, none: str = "none") -> Node:
    if isinstance(value, Mapping):
        return Node(name, "", tuple(_node(str(key), each) for key, each in value.items()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return _several(name, value, none)
    if value is None:
        return Node(name, none)
    if isinstance(value, Enum):
        return Node(name, value.name)
    if isinstance(value, bool):
        return Node(name, "yes" if value else "no")
    if name == "time" and isinstance(value, float) and 1e8 < value < 1e11:  # seconds since 1970
        return Node(name, str(datetime.datetime.fromtimestamp(value))[:23])
    return Node(name, f"{value:.6g}" if isinstance(value, float) else str(value))


def _several(name: str, values: Iterable[Any], none: str) -> Node:
    nodes = tuple(_node(str(place), each, none) for place, each in enumerate(values, 1))
    if any(node.children for node in nodes):
        return Node(name, "", nodes)
    return Node(name, ", ".join(node.text for node in nodes) or "none")
