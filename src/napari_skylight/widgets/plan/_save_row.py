"""The button that saves the stacks, and how far a save is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_skylight.session import Session
from napari_skylight.widgets._display_text import eliding_label
from napari_skylight.widgets._path_label import PathLabel
from napari_skylight.widgets._signal_links import Links


class SaveRow(QWidget):
    """*Save stacks…* while there are frames to save; progress and *Cancel* while they are saved.

    Then the first file, and *Open*. `save` asks where to save, and `open_file` opens a file;
    without them there are no buttons.
    """

    def __init__(
        self,
        session: Session,
        save: Callable[[], None] | None,
        open_file: Callable[[Path], None] | None,
    ) -> None:
        super().__init__()
        self._session = session
        self._can_save = save is not None
        self._button = QPushButton("Save stacks…")
        self._button.setObjectName("save_stacks")
        self._button.setAutoDefault(True)
        self._button.setToolTip("Save the stashed frames and snapshots to files")
        if save is not None:
            self._button.clicked.connect(lambda _checked: save())
        self._saved = PathLabel("saved")
        self._open_file = open_file
        self._open = QPushButton("Open")
        self._open.setObjectName("open_saved")
        self._open.setAutoDefault(True)
        self._open.setToolTip("Show the saved files as layers")
        self._open.clicked.connect(self._on_open_clicked)
        self._words = eliding_label("saving")
        self._cancel = QPushButton("Cancel")
        self._cancel.setObjectName("cancel_save")
        self._cancel.setAutoDefault(True)
        self._cancel.setToolTip("Stop saving, and delete the file that is not complete")
        self._cancel.clicked.connect(session.saves.cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._button)
        layout.addWidget(self._saved, 1)
        layout.addWidget(self._open)
        layout.addWidget(self._words, 1)
        layout.addWidget(self._cancel)
        layout.addStretch()
        self._links = Links(self)
        self._links.connect(session.saves.changed, self.refresh)
        self.refresh()

    def cut_links(self) -> None:
        """Stop listening to the session."""
        self._links.cut()

    def refresh(self) -> None:
        """Show whether there are frames to save, and how far a save is."""
        progress = self._session.saves.progress
        filled = any(cache.kind == "stack" and cache.counts.kept for cache in self._session.caches)
        self._button.setVisible(self._can_save and filled and progress is None)
        self._words.setVisible(progress is not None)
        self._cancel.setVisible(progress is not None)
        if progress is not None:
            self._words.setText(f"Saving {progress.done} of {progress.total} frames")
            self._words.setToolTip(str(progress.path))
        saved = self._session.saves.saved if progress is None else ()
        more = f" and {len(saved) - 1} more" if len(saved) > 1 else ""
        if saved:
            self._saved.show_path(saved[0], f"Saved: …/{saved[0].name}{more}")
        self._saved.setVisible(bool(saved))
        self._open.setVisible(bool(saved) and self._open_file is not None)
        self.setVisible(progress is not None or bool(saved) or (self._can_save and filled))

    def _on_open_clicked(self) -> None:
        if self._open_file is not None:
            for path in self._session.saves.saved:
                self._open_file(path)
