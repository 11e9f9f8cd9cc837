"""A run's progress in napari's activity dock."""

import threading

import pytest
from napari._qt.widgets.qt_progress_bar import QtLabeledProgressBar
from napari.utils import progress
from psygnal import Signal
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

from napari_skylight.plugin._notices import ActivityBar
from napari_skylight.session import Progress, RunInfo, Waiting


class FakeProgress:
    changed = Signal(object)

    def __init__(self):
        self.now = None

    def become(self, now):
        """Tell on another thread, as the engine does."""
        self.now = now
        thread = threading.Thread(target=self.changed.emit, args=(now,))
        thread.start()
        thread.join(5)


class Running:
    """As much of a session as the activity needs."""

    def __init__(self):
        self.progress = FakeProgress()
        self.run = RunInfo("count", "Count", {}, 0.0)


@pytest.fixture
def running():
    return Running()


@pytest.fixture
def activity(running, qapp):
    made = ActivityBar(running)
    yield made
    made.close()
    assert not progress._all_instances


def bars():
    return [(bar.desc.strip(": "), bar.n, bar.total) for bar in progress._all_instances]


def shown(viewer):
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    dialog = viewer.window._qt_window._activity_dialog
    return [bar.qt_progress_bar.value() for bar in dialog.findChildren(QtLabeledProgressBar)]


def test_a_run_that_knows_its_length_has_a_bar_until_its_end(
    activity, running, make_napari_viewer, qtbot
):
    viewer = make_napari_viewer()
    running.progress.become(Progress(done=3, total=40))
    qtbot.waitUntil(lambda: bars() == [("Count", 3, 40)])
    assert shown(viewer) == [3]
    running.progress.become(Progress(done=16, total=40))
    qtbot.waitUntil(lambda: shown(viewer) == [16])
    running.progress.become(None)
    qtbot.waitUntil(lambda: not bars())
    qtbot.waitUntil(lambda: not shown(viewer))


def test_a_run_that_does_not_know_has_none(activity, running, make_napari_viewer):
    make_napari_viewer()
    running.progress.become(Progress())
    running.progress.become(Progress(waiting=(Waiting("stage"),)))
    QApplication.processEvents()
    assert bars() == []


def test_a_device_that_says_how_far_it_is_has_a_bar(activity, running, make_napari_viewer, qtbot):
    make_napari_viewer()
    running.progress.become(Progress(waiting=(Waiting("stage", fraction=0.3),)))
    qtbot.waitUntil(lambda: bars() == [("Count", 30, 100)])
    running.progress.become(Progress(waiting=(Waiting("stage", fraction=0.1),)))  # the next move
    qtbot.waitUntil(lambda: bars() == [("Count", 10, 100)])


def test_what_comes_while_napari_draws_is_not_lost(activity, running, make_napari_viewer, qtbot):
    make_napari_viewer()
    for done in range(1, 30):
        running.progress.become(Progress(done=done, total=30))
    running.progress.become(None)
    QApplication.processEvents()
    qtbot.waitUntil(lambda: not bars())


def test_an_activity_made_during_a_run_shows_it_and_closing_it_takes_it_away(
    running, make_napari_viewer
):
    make_napari_viewer()
    running.progress.now = Progress(done=5, total=9)
    activity = ActivityBar(running)
    assert bars() == [("Count", 5, 9)]
    activity.close()
    activity.close()
    assert bars() == []
    assert len(running.progress.changed) == 0


def test_every_viewer_shows_the_one_bar_and_one_may_close(
    activity, running, make_napari_viewer, qtbot
):
    first, second = make_napari_viewer(), make_napari_viewer()
    running.progress.become(Progress(done=1, total=9))
    qtbot.waitUntil(lambda: bars() == [("Count", 1, 9)])
    assert shown(first) == shown(second) == [1]
    first.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    running.progress.become(Progress(done=4, total=9))
    qtbot.waitUntil(lambda: shown(second) == [4])
