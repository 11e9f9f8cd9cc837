"""The dock of the runs, driven as a person does."""

import gc
import logging
import weakref

import pytest
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QApplication, QMenu, QTabWidget, QTreeView, QWidget

from napari_skylight.widgets import RunsPanel

pytestmark = pytest.mark.usefixtures("camera")

_TIME, _PLAN, _FRAMES, _DURATION, _STATUS = range(5)


def fails() -> MsgGenerator[None]:
    """Fall over."""
    yield from bps.null()
    raise RuntimeError("I fell over, because the floor was wet.")


class Reader:
    """Someone who looks at the dock of the runs."""

    def __init__(self, qtbot, dock):
        self.qtbot = qtbot
        self.dock = dock
        self.table = dock.findChild(QTreeView, "runs")
        self.tree = dock.findChild(QTreeView, "metadata")

    def find(self, name):
        return self.dock.findChild(QWidget, name)

    def waits(self, condition):
        self.qtbot.waitUntil(condition, timeout=10_000)

    def rows(self):
        model = self.table.model()
        return [
            [model.index(row, column).data() for column in range(model.columnCount())]
            for row in range(model.rowCount())
        ]

    def sees_the_end(self, runs=1):
        """Wait until so many runs are listed, and all of them have ended."""
        self.waits(
            lambda: (
                len(self.rows()) == runs
                and all(row[_STATUS].startswith(("Finished", "Failed")) for row in self.rows())
            )
        )

    def selects(self, row):
        """Go to a run with the keys alone."""
        self.table.setFocus()
        self.qtbot.keyClick(self.table, Qt.Key.Key_Home)
        for _ in range(row):
            self.qtbot.keyClick(self.table, Qt.Key.Key_Down)

    def clicks(self, name):
        button = self.find(name)
        assert button.isEnabled()
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def lines(self, parent=None):
        """Return name and value of every line of the tree."""
        model = self.tree.model()
        root = self.tree.rootIndex() if parent is None else parent
        found = []
        for row in range(model.rowCount(root)):
            index = model.index(row, 0, root)
            found.append((index.data(), index.siblingAtColumn(1).data()))
            found += self.lines(index)
        return found

    def searches(self, text):
        self.qtbot.keyClicks(self.find("metadata-search"), text)

    def copies(self, name):
        (action,) = [a for a in self.dock.findChild(QMenu).actions() if a.objectName() == name]
        action.trigger()
        return QGuiApplication.clipboard().text()


@pytest.fixture
def open_runs(qtbot, session, put_up):
    def open_one(show_images=None, size=(300, 600)):
        return Reader(qtbot, put_up(RunsPanel(session, show_images), *size))

    return open_one


@pytest.fixture
def reader(open_runs):
    return open_runs()


@pytest.fixture
def snap(session):
    def run(frames=1):
        session.start("snap", {"frames": frames}).result(timeout=10)

    return run


def test_at_first_it_says_how_to_have_a_run(reader):
    assert reader.find("no-runs").isVisible()
    assert reader.find("no-runs").text() == "No runs yet. Press Run in Plan control."
    assert not reader.table.isVisible()


def test_runs_are_listed_newest_first(reader, session, snap):
    snap(3)
    session.add_plan(fails)
    session.start("fails").exception(timeout=5)
    reader.sees_the_end(2)
    assert [row[_PLAN] for row in reader.rows()] == ["Fails", "Snap"]
    assert reader.rows()[0][_STATUS] == "Failed: I fell over, because the floor was wet."
    assert reader.rows()[1][_FRAMES:] == ["3", "0:00", "Finished"]
    assert not reader.find("no-runs").isVisible()


def test_runs_from_before_the_dock_was_opened_are_there(open_runs, snap):
    snap()
    assert [row[_PLAN] for row in open_runs().rows()] == ["Snap"]


def test_a_running_one_is_followed_to_its_end(reader, session):
    session.start("live_view")
    reader.waits(lambda: bool(reader.rows()) and int(reader.rows()[0][_FRAMES]) > 5)
    assert reader.rows()[0][_STATUS] == "Running"
    session.pause()
    reader.waits(lambda: reader.rows()[0][_STATUS] == "Paused")
    session.stop()
    reader.waits(lambda: reader.rows()[0][_STATUS] == "Finished")


def test_a_chosen_run_tells_its_parameters_and_metadata(reader, session, snap):
    snap(3)
    reader.sees_the_end()
    assert reader.find("select-note").isVisible()
    reader.selects(0)
    assert reader.find("run-title").text().startswith("Snap, ")
    assert reader.find("run-status").text() == "Finished after 0:00\n3 frames, 3 stashed"
    lines = dict(reader.lines())
    assert lines["Frames"] == "3"
    assert lines["Exposure (ms)"] == "not set"
    assert lines["plan_name"] == "snap"
    assert lines["Stream primary"] == "3 events"
    assert lines["exit_status"] == "success"
    assert lines["uid"]


def test_what_is_called_time_and_is_none_is_shown_as_it_is(reader, session):
    times = {"lost": {"time": float("nan")}, "exposure": {"time": 0.02}, "far": {"time": 1e18}}

    def measure() -> MsgGenerator[None]:
        yield from bps.open_run(times)
        yield from bps.close_run()

    session.add_plan(measure)
    session.start("measure").result(timeout=10)
    reader.sees_the_end()
    reader.selects(0)
    assert {"0.02", "1e+18", "nan"} < {value for name, value in reader.lines() if name == "time"}


def test_metadata_can_be_searched(reader, snap):
    snap()
    reader.sees_the_end()
    reader.selects(0)
    everything = len(reader.lines())
    reader.searches("PLAN_NAME")
    names = [name for name, _ in reader.lines()]
    assert names == ["Bluesky run", "Start", "plan_name"]
    reader.find("metadata-search").clear()
    assert len(reader.lines()) == everything


def test_the_tree_stays_as_it_was_while_the_run_goes_on(reader, session):
    session.start("live_view")
    reader.waits(lambda: bool(reader.rows()))
    reader.selects(0)
    reader.waits(lambda: "Bluesky run" in dict(reader.lines()))
    parameters, run = (reader.tree.model().index(row, 0) for row in (0, 1))
    assert reader.tree.isExpanded(parameters)
    reader.tree.collapse(parameters)
    reader.tree.expand(run)
    for said in ("1 event", "2 events"):
        session.request("snapshot")
        reader.waits(lambda: dict(reader.lines()).get("Stream snapshots") == said)  # noqa: B023
        assert not reader.tree.isExpanded(parameters)
        assert reader.tree.isExpanded(run)


def test_the_chosen_run_stays_chosen_when_another_starts(reader, snap):
    snap(2)
    reader.sees_the_end()
    reader.selects(0)
    snap(5)
    reader.waits(lambda: len(reader.rows()) == 2)
    assert dict(reader.lines())["Frames"] == "2"
    assert reader.table.currentIndex().row() == 1


def test_images_are_shown_while_they_are_kept(open_runs, session, snap):
    shown = []
    reader = open_runs(shown.append)
    snap(2)
    reader.sees_the_end()
    reader.selects(0)
    assert reader.find("thumbnail").isVisible()
    assert "2 frames" in reader.find("show-images").toolTip()
    reader.clicks("show-images")
    assert shown == [session.runs[0]]
    session.clear_stacks()
    reader.waits(lambda: not reader.find("show-images").isEnabled())
    assert "stash was cleared" in reader.find("show-images").toolTip()


def test_a_run_without_frames_has_none_to_show(open_runs, session):
    reader = open_runs(lambda record: None)
    session.add_plan(fails)
    session.start("fails").exception(timeout=5)
    reader.waits(lambda: bool(reader.rows()))
    reader.selects(0)
    assert not reader.find("show-images").isEnabled()
    assert "kept no frames" in reader.find("show-images").toolTip()
    assert not reader.find("thumbnail").isVisible()


def test_settings_are_put_in_plan_control(reader, open_dock, session, snap):
    control = open_dock()
    snap(7)
    snap(1)
    reader.sees_the_end(2)
    control.chooses("plan", "Live view")
    reader.selects(1)
    reader.waits(reader.find("use-settings").isEnabled)
    reader.clicks("use-settings")
    assert control.text("plan") == "Snap"
    assert control.find("param:frames").text() == "7"


def test_settings_are_not_put_anywhere_while_a_plan_runs(reader, session, snap):
    snap()
    session.start("live_view")
    reader.waits(lambda: len(reader.rows()) == 2)
    reader.selects(1)
    reader.waits(lambda: not reader.find("use-settings").isEnabled())
    assert "Stop the running plan first" in reader.find("use-settings").toolTip()
    session.stop()
    reader.waits(reader.find("use-settings").isEnabled)


def test_the_settings_of_a_plan_that_is_gone_cannot_be_used(reader, session):
    undo = session.add_plan(fails)
    session.start("fails").exception(timeout=5)
    reader.waits(lambda: bool(reader.rows()))
    reader.selects(0)
    reader.waits(reader.find("use-settings").isEnabled)
    undo()
    assert not reader.find("use-settings").isEnabled()
    assert "no longer available" in reader.find("use-settings").toolTip()


def test_what_can_be_copied(reader, session, snap):
    snap(4)
    reader.sees_the_end()
    reader.selects(0)
    assert reader.copies("copy-uid") == session.runs[0].run.uids[0]
    assert "frames = 4" in reader.copies("copy-parameters").splitlines()
    assert reader.copies("copy-python") == session.runs[0].python
    reader.tree.setFocus()
    reader.tree.setCurrentIndex(reader.tree.model().index(1, 0, reader.tree.model().index(0, 0)))
    reader.qtbot.keyClick(reader.tree, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "4"


def test_two_docks_stay_in_step(open_runs, session, snap):
    first, second = open_runs(), open_runs()
    session.start("live_view")
    for reader in (first, second):
        reader.waits(lambda each=reader: bool(each.rows()) and each.rows()[0][_STATUS] == "Running")
    session.stop()
    for reader in (first, second):
        reader.waits(lambda each=reader: each.rows()[0][_STATUS] == "Finished")
    assert first.rows() == second.rows()


def test_nothing_ticks_while_nothing_runs_or_nobody_looks(reader, session):
    def ticking():
        return [timer for timer in reader.dock.findChildren(QTimer) if timer.isActive()]

    assert not ticking()
    session.start("live_view")
    reader.waits(lambda: len(ticking()) == 1)
    reader.dock.hide()
    reader.waits(lambda: not ticking())
    reader.dock.show()
    assert len(ticking()) == 1
    session.stop()
    reader.waits(lambda: not ticking())


@pytest.mark.parametrize("size", [(300, 600), (1340, 240)])
def test_it_fits_where_docks_are(open_runs, session, snap, size):
    session.add_plan(fails)
    session.start("fails").exception(timeout=5)
    snap(2)
    reader = open_runs(lambda record: None, size)
    for row in (0, 1):
        reader.selects(row)
        QApplication.processEvents()
        least = reader.dock.minimumSizeHint()
        assert least.width() <= 300
        assert least.height() <= 300
        assert (reader.dock.width(), reader.dock.height()) == size
        assert reader.table.horizontalScrollBar().maximum() == 0


def test_everything_is_reached_with_the_keyboard(open_runs, snap):
    snap()
    reader = open_runs(lambda record: None)
    reader.selects(0)
    reached = set()
    for _ in range(12):
        reader.qtbot.keyClick(reader.dock.focusWidget(), Qt.Key.Key_Tab)
        reached.add(reader.dock.focusWidget().objectName())
    wanted = {"show-images", "use-settings", "metadata-search", "copy-run", "metadata", "runs"}
    assert wanted <= reached
    tabs = reader.dock.findChild(QTabWidget)
    tabs.tabBar().setFocus()
    reader.qtbot.keyClick(tabs.tabBar(), Qt.Key.Key_Right)
    assert reader.find("log-level").isVisible()


def test_a_closed_dock_has_no_steps_written_down(reader):
    engine_log = logging.getLogger("bluesky.RE.msg")
    reader.find("log-level").setCurrentIndex(0)
    assert engine_log.isEnabledFor(logging.DEBUG)
    reader.dock.findChild(QTabWidget).setCurrentIndex(1)
    reader.dock.findChild(QTabWidget).setCurrentIndex(0)
    assert engine_log.isEnabledFor(logging.DEBUG)
    reader.dock.hide()
    assert not engine_log.isEnabledFor(logging.DEBUG)
    reader.dock.show()
    assert engine_log.isEnabledFor(logging.DEBUG)


SIGNALS = ("state_changed", "plans_changed")


def test_a_deleted_dock_leaves_nothing_behind(open_runs, session, snap):
    snap()
    before = [len(getattr(session, name)) for name in SIGNALS]
    reader = open_runs()
    reader.selects(0)
    assert len(session.runs.changed) == 1
    gone = weakref.ref(reader.dock)
    reader.dock.close_links()
    assert len(session.runs.changed) == 0
    assert [len(getattr(session, name)) for name in SIGNALS] == before
    assert not any(len(cache.changed) for cache in session.caches)
    reader.dock.deleteLater()
    del reader.dock, reader.table, reader.tree
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert gone() is None
