"""The details of one run: ending, parameters, metadata, and its buttons."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Future
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QAction, QGuiApplication, QImage, QPixmap, QResizeEvent
from qtpy.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import QFlowLayout

from napari_skylight.recording import ImageFile
from napari_skylight.session import RunRecord, Session
from napari_skylight.widgets._dialogs import choose_folder
from napari_skylight.widgets._display_text import (
    duration,
    frames,
    outcome_summary,
    plain_tip,
    status_of,
    text_label,
    time_of,
)
from napari_skylight.widgets._layout import LEAST_HEIGHT
from napari_skylight.widgets.runs._metadata_tree import MetadataTree, nodes_of
from napari_skylight.widgets.runs._run_files import RunFiles

_log = logging.getLogger("napari_skylight")

_WIDE = 480
"""Pixels from which there is room for words beside the tree."""

_THUMBNAIL = 48  # pixels, of the longer side
_PERCENTILES = 1, 99

_SELECT = "Select a run to see its parameters and metadata."
_SHOW = "Add the frames of this run ({}) as layers. They stay when the stash is cleared."
_NOTHING_KEPT = "This run kept no frames."
_CLEARED = "The stash was cleared, and with it the frames of this run."
_SHOW_FILES = "Add the images of this run as layers, from {}."
_READING = "The documents of this run are being read."
_MISSING = "The images of this run are no longer where they were written: {}."
_NO_FILES = "No images of this run were written to files."
_EXPORT = "Copy the documents of this run, and its image files, to a folder"
_NOT_STORED = "The documents of this run were not stored."
_USE = "Put its plan and parameters in Plan control"
_RUNNING = "Stop the running plan first."
_NO_PLAN = "This plan is no longer available."


class RunDetails(QStackedWidget):
    """Shows one run; without `show_images` or `open_file`, it has no buttons for them."""

    def __init__(
        self,
        session: Session,
        show_images: Callable[[RunRecord], None] | None,
        open_file: Callable[[Path], None] | None,
    ) -> None:
        super().__init__()
        self._session = session
        self._show_images = show_images
        self._record: RunRecord | None = None
        self._pictured: int | None = None  # the number of the run in the picture
        self._wanted: tuple[str, ...] | None = None  # the run whose image files are being opened
        self._picture = QLabel()
        self._picture.setObjectName("thumbnail")
        self._title = text_label(name="run-title", wrap=True)
        self._status = text_label(name="run-status", wrap=True)
        self._status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._show = QPushButton("Show images")
        self._show.setObjectName("show-images")
        self._use = QPushButton("Use these settings")
        self._use.setObjectName("use-settings")
        self._export = QPushButton("Export…")
        self._export.setObjectName("export-run")
        self._copy = QPushButton("Copy")
        self._copy.setObjectName("copy-run")
        self._copy.setMenu(_copy_menu(self, lambda: self._record))
        self._files = RunFiles(open_file)
        self._tree = MetadataTree()
        self._lay_out()
        self._show.clicked.connect(self._on_show_clicked)
        self._use.clicked.connect(self._on_use_clicked)
        self._export.clicked.connect(self._on_export_clicked)

    def show_record(self, record: RunRecord | None) -> None:
        """Show a run; None if none is chosen."""
        if record is not None and record.files:
            record = self._session.earlier_runs.complete(record) or record
        before, self._record = self._record, record
        self.setCurrentIndex(0 if record is None else 1)
        if record is None:
            return
        self._title.setText(f"{record.run.title}, {time_of(record.run)}")
        files = self._image_files(record)
        self._status.setText(self._status_words(record, sum(each.count for each in files)))
        self._files.show_files(files)
        if record is not before:
            self._tree.show_nodes(nodes_of(record))
        self._show_buttons(record)
        self._show_opened(record)
        self._show_picture(record)

    def _lay_out(self) -> None:
        self._tree.add_button(self._copy)
        note = text_label(_SELECT, name="select-note", wrap=True)
        note.setAlignment(Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._title)
        words.addWidget(self._status)
        words.addStretch(1)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)
        buttons = QWidget()
        row = QFlowLayout(buttons)
        row.setContentsMargins(0, 0, 0, 0)
        for button in (self._show, self._use, self._export):
            row.addWidget(button)
        self._show.setVisible(self._show_images is not None)
        buttons.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        left = QVBoxLayout()
        left.setSpacing(6)
        left.addLayout(head)
        left.addWidget(buttons)
        left.addWidget(self._files)
        left.addStretch(1)
        page = _Page(left, self._tree)
        area = QScrollArea()  # a long text must not make the window higher
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setMinimumHeight(LEAST_HEIGHT)
        area.setWidget(page)
        self.addWidget(note)
        self.addWidget(area)

    def _image_files(self, record: RunRecord) -> Sequence[ImageFile]:
        """Return the files with images of a run that has ended, as far as they are known."""
        if record.run.ended is None or not self._session.earlier_runs.files(record):
            return ()
        found = self._session.earlier_runs.image_files(record)
        return () if found is None else found.files

    def _status_words(self, record: RunRecord, filed: int) -> str:
        run = record.run
        if run.ended is None:
            words = f"{status_of(run, self._session.state)} {duration(run.seconds)}"
        else:
            words = outcome_summary(run) + (f": {run.reason}" if run.reason else "")
        if record.acquired:
            words += f"\n{frames(record.acquired)}, {record.stashed:,} stashed"
        if filed:
            words += f", {filed:,} in files" if record.acquired else f"\n{frames(filed)} in files"
        return words + (f", {record.dropped} dropped" if record.dropped else "")

    def _show_buttons(self, record: RunRecord) -> None:
        can_show, tip = self._images_of(record)
        self._show.setEnabled(can_show)
        self._show.setToolTip(plain_tip(tip))
        problem = ""
        if record.run.plan not in self._session.plans:
            problem = _NO_PLAN
        elif self._session.state.busy:
            problem = _RUNNING
        self._use.setEnabled(not problem)
        self._use.setToolTip(problem or _USE)

        can_export = bool(self._session.earlier_runs.files(record))
        self._export.setEnabled(can_export)
        self._export.setToolTip(_EXPORT if can_export else _NOT_STORED)

    def _images_of(self, record: RunRecord) -> tuple[bool, str]:
        """Return whether there are images to show, and the tooltip."""
        if kept := self._session.runs.kept(record):
            return True, _SHOW.format(frames(kept))
        if record.run.ended is not None and self._session.earlier_runs.files(record):
            found = self._session.earlier_runs.image_files(record)
            if found is None:
                return False, _READING
            if found.files:
                return True, _SHOW_FILES.format(_names(each.path for each in found.files))
            if found.missing:
                return False, _MISSING.format(_names(found.missing))
        if record.files:
            return False, _NO_FILES
        return False, _CLEARED if record.stashed else _NOTHING_KEPT

    def _show_opened(self, record: RunRecord) -> None:
        """Show the images in files that the button has asked for, once they are open."""
        if self._wanted is None or self._wanted != record.run.uids:
            return
        images = self._session.earlier_runs.images(record)
        if images is not None and self._show_images is not None:
            self._wanted = None
            if images:
                self._show_images(record)

    def _show_picture(self, record: RunRecord) -> None:
        """Show the first frame that is kept, once."""
        if record.number != self._pictured:
            self._picture.clear()
            self._pictured = None
            kept = self._session.runs.images(record)
            if images := kept or self._session.earlier_runs.images(record):
                self._picture.setPixmap(_thumbnail(images[0].data[0]))
                self._pictured = record.number
        self._picture.setVisible(self._pictured is not None)

    def _on_show_clicked(self) -> None:
        if self._record is None or self._show_images is None:
            return
        if self._session.runs.kept(self._record):
            self._show_images(self._record)
        else:
            self._wanted = self._record.run.uids
            self._session.earlier_runs.open_images(self._record)

    def _on_use_clicked(self) -> None:
        if self._record is None:
            return
        try:
            self._session.choose(self._record.run.plan, self._record.run.values)
        except (KeyError, RuntimeError) as error:  # removed, or another one started, just now
            self._session.report(error)

    def _on_export_clicked(self) -> None:
        if self._record is None:
            return
        folder = choose_folder(self, "Export the run to")
        if folder:
            try:
                exported = self._session.export(self._record, Path(folder))
            except (ValueError, RuntimeError) as error:
                self._session.report(error)
            else:
                exported.add_done_callback(partial(_report_export, self._session))


class _Page(QWidget):
    """The texts about a run above the tree, or beside it in a wide dock."""

    def __init__(self, words: QLayout, tree: QWidget) -> None:
        super().__init__()
        self._row = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addLayout(words, 2)
        self._row.addWidget(tree, 3)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Change direction with the width of the dock."""
        super().resizeEvent(event)
        direction = QBoxLayout.Direction
        wide = event.size().width() >= _WIDE
        self._row.setDirection(direction.LeftToRight if wide else direction.TopToBottom)
        self._row.setStretch(0, 2 if wide else 0)


def _report_export(session: Session, exported: Future[Path]) -> None:
    error = exported.exception()
    if error is None:
        _log.info("Exported to %s.", exported.result())
    elif not isinstance(error, CancelledError):
        session.report(error)


def _names(paths: Iterable[Path]) -> str:
    """Return the paths of up to three files."""
    given = [str(path) for path in paths]
    more = f" and {len(given) - 3} more" if len(given) > 3 else ""
    return ", ".join(given[:3]) + more


def _copy_menu(parent: QWidget, record: Callable[[], RunRecord | None]) -> QMenu:
    """Return a menu for copying parts of the run that `record` returns."""
    menu = QMenu(parent)
    menu.setToolTipsVisible(True)
    uid = _add_copy(menu, record, "Unique id", "copy-uid", lambda run: "\n".join(run.run.uids))
    _add_copy(menu, record, "Parameters", "copy-parameters", _parameters_text)
    _add_copy(menu, record, "Python call", "copy-python", lambda run: run.python)

    def on_about_to_show() -> None:
        chosen = record()
        has_uid = chosen is not None and bool(chosen.run.uids)
        uid.setEnabled(has_uid)
        uid.setToolTip("" if has_uid else "The plan opened no Bluesky run.")

    menu.aboutToShow.connect(on_about_to_show)
    return menu


def _add_copy(
    menu: QMenu,
    record: Callable[[], RunRecord | None],
    title: str,
    name: str,
    words: Callable[[RunRecord], str],
) -> QAction:
    def copy() -> None:
        chosen = record()
        if chosen is not None:
            QGuiApplication.clipboard().setText(words(chosen))

    action = menu.addAction(title)
    action.setObjectName(name)
    action.triggered.connect(copy)
    return action


def _parameters_text(record: RunRecord) -> str:
    return "\n".join(f"{name} = {value!r}" for name, value in record.run.values.items())


def _thumbnail(frame: NDArray[Any]) -> QPixmap:
    """Return a small picture of a frame, scaled between its 1st and 99th percentiles.

    The frame has the shape (Y, X), or (Y, X, 3) in colour.
    """
    step = max(1, max(frame.shape) // (4 * _THUMBNAIL))
    small = np.nan_to_num(frame[::step, ::step].astype(np.float64))
    low, high = np.percentile(small, _PERCENTILES)
    span = high - low if high > low else 1.0
    bytes_ = np.clip((small - low) / span * 255, 0, 255).astype(np.uint8)
    height, width, *colours = small.shape
    kind = QImage.Format.Format_RGB888 if colours else QImage.Format.Format_Grayscale8
    pixels = bytes_[..., :3].tobytes() if colours else bytes_.tobytes()  # QImage does not copy them
    image = QImage(pixels, width, height, len(pixels) // height, kind)
    return QPixmap.fromImage(
        image.scaled(
            *(_THUMBNAIL, _THUMBNAIL),
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    )
