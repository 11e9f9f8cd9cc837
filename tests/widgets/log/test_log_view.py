"""The log view: what it shows, and what it leaves behind."""

import gc
import logging
import threading
import weakref

import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QApplication, QComboBox, QTreeView, QWidget

from napari_skylight._log_records import MOST_RECORDS, LogCapture, LogRecords
from napari_skylight.widgets.log._log_view import LogView

OURS = logging.getLogger("napari_skylight")
BLUESKY = logging.getLogger("bluesky")
NAMES = ("napari_skylight", "bluesky", "ophyd", "ophyd_async")


@pytest.fixture(autouse=True)
def logging_is_restored():
    loggers = [logging.getLogger(name) for name in NAMES]
    before = [logger.level for logger in loggers]
    yield
    QApplication.processEvents()
    assert [logger.level for logger in loggers] == before
    assert not [h for logger in loggers for h in logger.handlers if isinstance(h, LogRecords)]


@pytest.fixture
def capture():
    capture = LogCapture()
    yield capture
    capture.close()


def fail(logger=BLUESKY, message="Run aborted"):
    try:
        raise ValueError("the stage is stuck")
    except ValueError:
        logger.exception(message)


def log_elsewhere(logger, message):
    thread = threading.Thread(target=logger.warning, args=(message,), name="elsewhere")
    thread.start()
    thread.join(timeout=5)


class Reader:
    """A user of the log view."""

    def __init__(self, qtbot, view):
        self.qtbot = qtbot
        self.view = view
        self.list = view.findChild(QTreeView, "log")

    def find(self, name):
        return self.view.findChild(QWidget, name)

    def lines(self):
        model = self.list.model()
        return [model.index(row, 0).data().partition("  ")[2] for row in range(model.rowCount())]

    def sees(self, *lines):
        self.qtbot.waitUntil(lambda: self.lines() == list(lines), timeout=5000)

    def chooses(self, level):
        box = self.view.findChild(QComboBox, "log-level")
        box.setFocus()
        keys = {"Debug": 0, "Info": 1, "Warning": 2, "Error": 3}[level] * [Qt.Key.Key_Down]
        for key in (Qt.Key.Key_Home, *keys):
            self.qtbot.keyClick(box, key)
        assert box.currentText() == level

    def selects(self, row):
        self.list.setFocus()
        self.qtbot.keyClick(self.list, Qt.Key.Key_Home)
        for _ in range(row):
            self.qtbot.keyClick(self.list, Qt.Key.Key_Down)

    def clicks(self, name):
        self.qtbot.mouseClick(self.find(name), Qt.MouseButton.LeftButton)


@pytest.fixture
def open_log(qtbot):
    def open_one():
        view = LogView()
        qtbot.addWidget(view, before_close_func=lambda made: made.close_links())
        view.resize(300, 400)
        view.show()
        qtbot.waitExposed(view)
        return Reader(qtbot, view)

    return open_one


@pytest.fixture
def reader(open_log):
    return open_log()


def test_an_empty_log_says_so(reader):
    assert reader.find("log-note").text() == "Nothing has been logged yet."
    assert not reader.find("log-copy").isEnabled()


def test_earlier_and_new_messages_are_shown(capture, open_log):
    OURS.info("Live view started.")
    reader = open_log()
    reader.sees("Live view started.")
    log_elsewhere(BLUESKY, "from a plan's thread")
    reader.sees("Live view started.", "Warning: from a plan's thread")
    assert not reader.find("log-note").isVisible()


def test_a_level_is_chosen_with_the_keys(reader):
    OURS.info("a note")
    OURS.warning("a warning")
    OURS.error("an error")
    reader.sees("a note", "Warning: a warning", "Error: an error")
    reader.chooses("Error")
    assert reader.lines() == ["Error: an error"]
    reader.chooses("Warning")
    assert reader.lines() == ["Warning: a warning", "Error: an error"]
    reader.chooses("Debug")
    assert BLUESKY.isEnabledFor(logging.DEBUG)
    BLUESKY.debug("a step")
    reader.sees("a note", "Warning: a warning", "Error: an error", "a step")
    reader.chooses("Info")
    assert not BLUESKY.isEnabledFor(logging.DEBUG)
    assert "a step" not in reader.lines()


def test_the_log_can_be_searched(reader):
    OURS.warning("The camera is warm.")
    fail()
    error = "Error: Run aborted: ValueError: the stage is stuck"
    reader.sees("Warning: The camera is warm.", error)
    reader.qtbot.keyClicks(reader.find("log-search"), "CAMERA")
    assert reader.lines() == ["Warning: The camera is warm."]
    reader.find("log-search").clear()
    reader.qtbot.keyClicks(reader.find("log-search"), "in fail")  # in the traceback
    assert reader.lines() == [error]
    reader.qtbot.keyClicks(reader.find("log-search"), " nowhere")
    assert reader.find("log-note").text().startswith("No message matches.")
    OURS.warning("failed nowhere, in fail nowhere")
    reader.sees("Warning: failed nowhere, in fail nowhere")


def test_an_error_is_named_once_in_its_line(reader):
    fail(OURS, "the stage is stuck")
    reader.sees("Error: the stage is stuck")


def test_an_error_is_read_in_full(reader):
    OURS.warning("before")
    fail()
    reader.qtbot.waitUntil(lambda: len(reader.lines()) == 2, timeout=5000)
    assert not reader.find("log-full").isVisible()
    reader.selects(1)
    text = reader.find("log-full").toPlainText()
    assert reader.find("log-full").isVisible()
    assert "Error  bluesky  (MainThread)" in text
    assert "Traceback (most recent call last):" in text
    assert text.endswith("ValueError: the stage is stuck")
    reader.selects(0)
    assert reader.find("log-full").toPlainText().endswith("before")


def test_the_selected_message_stays_selected_when_the_filter_changes(reader):
    for message in ("one", "two"):
        OURS.warning(message)
    reader.sees("Warning: one", "Warning: two")
    reader.selects(1)
    reader.qtbot.keyClicks(reader.find("log-search"), "two")
    assert reader.find("log-full").toPlainText().endswith("two")
    reader.find("log-search").clear()
    assert reader.list.currentIndex().row() == 1
    reader.qtbot.keyClicks(reader.find("log-search"), "one")
    assert not reader.find("log-full").isVisible()


def test_messages_are_copied(reader):
    for message in ("one", "two", "three"):
        OURS.warning(message)
    reader.sees("Warning: one", "Warning: two", "Warning: three")
    reader.clicks("log-copy")
    assert QGuiApplication.clipboard().text().count("\n") == 5
    reader.selects(0)
    reader.qtbot.keyClick(reader.list, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    reader.qtbot.keyClick(reader.list, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QGuiApplication.clipboard().text().splitlines()
    assert copied[1::2] == ["one", "two"]


def test_clearing_one_view_clears_all(open_log):
    first, second = open_log(), open_log()
    OURS.warning("one")
    for each in (first, second):
        each.sees("Warning: one")
    first.selects(0)
    first.clicks("log-clear")
    for each in (first, second):
        each.sees()
    assert not first.find("log-full").isVisible()
    OURS.warning("two")
    for each in (first, second):
        each.sees("Warning: two")


def test_the_newest_is_followed_unless_the_user_scrolled_up(reader):
    bar = reader.list.verticalScrollBar()
    for number in range(50):
        OURS.warning("line %d", number)
    reader.qtbot.waitUntil(lambda: len(reader.lines()) == 50, timeout=5000)
    reader.qtbot.waitUntil(lambda: bar.value() == bar.maximum() > 0, timeout=5000)
    bar.setValue(0)
    OURS.warning("one more")
    reader.qtbot.waitUntil(lambda: len(reader.lines()) == 51, timeout=5000)
    assert bar.value() == 0


def test_the_list_on_screen_is_bounded(reader):
    for number in range(MOST_RECORDS + 20):
        OURS.warning("line %d", number)
    reader.qtbot.waitUntil(lambda: len(reader.lines()) == MOST_RECORDS, timeout=10_000)
    for number in range(7):
        OURS.warning("last %d", number)
    reader.qtbot.waitUntil(lambda: reader.lines()[-1].endswith("last 6"), timeout=10_000)
    assert len(reader.lines()) == MOST_RECORDS
    assert reader.lines()[0] == "Warning: line 27"


def test_many_records_are_one_redraw(reader, monkeypatch):
    redraws = []
    model = reader.list.model()
    model.rowsInserted.connect(lambda *_: redraws.append(1))
    for number in range(300):
        OURS.warning("line %d", number)
    reader.qtbot.waitUntil(lambda: len(reader.lines()) == 300, timeout=5000)
    assert len(redraws) <= 3


def test_a_deleted_view_leaves_nothing_behind(open_log):
    reader = open_log()
    reader.chooses("Debug")
    gone = weakref.ref(reader.view)
    records = weakref.ref(reader.view._capture.records)
    view = reader.view
    del reader.view, reader.list
    view.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not BLUESKY.isEnabledFor(logging.DEBUG)
    del view
    gc.collect()
    assert gone() is None
    assert records() is None
