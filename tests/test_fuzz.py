"""Somebody clicks whatever can be clicked, in any order and at any speed."""

from collections import Counter
from random import Random

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMenu, QPushButton
from superqt import QCollapsible

from napari_skylight import attach
from napari_skylight.plugin import _attachments
from napari_skylight.session import SessionState
from napari_skylight.testing import Documents

pytestmark = pytest.mark.usefixtures("camera", "light")


class Clicker:
    """Clicks enabled buttons of a dock at random, as long as the engine lets it."""

    def __init__(self, qtbot, session, dock, seed):
        self.clicks = Counter()
        self._qtbot = qtbot
        self._session = session
        self._dock = dock
        self._random = Random(seed)

    def click(self):
        buttons = [button for button in self._buttons() if button.isEnabled()]
        button = self._random.choice(buttons)
        name = button.objectName()
        if name == "run" and self._session.state.busy:
            self._wait_for_answers()
        self._qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        self.clicks[name] += 1
        if name == "ends":
            self._choose_an_end()
        if self._random.random() < 0.3:
            self._qtbot.wait(self._random.randrange(30))

    def _choose_an_end(self):
        """Abort, halt, or think better of it."""
        menu = self._dock.findChild(QMenu, "ends_menu")
        choice = self._random.choice([None, *menu.actions()])
        if choice is None:
            self._qtbot.keyClick(menu, Qt.Key.Key_Escape)
            return
        self._wait_for_answers()
        menu.setActiveAction(choice)
        self._qtbot.keyClick(menu, Qt.Key.Key_Return)
        self.clicks[choice.text().partition(":")[0]] += 1

    def end(self):
        self._wait_for_answers()
        self._session.stop().result(timeout=10)
        self._qtbot.waitUntil(lambda: not self._session.state.busy, timeout=10_000)

    def _buttons(self):
        own = self._dock.findChildren(QPushButton)
        return [each for each in own if not isinstance(each.parent(), QCollapsible)]

    def _wait_for_answers(self):
        """A stopped plan answers nothing any more, and a paused one not yet."""

        def answered():
            if self._session.state is SessionState.PAUSED:
                self._session.resume()
            unanswered = [action.unanswered for action in self._session.actions.values()]
            return not any(unanswered) or not self._session.state.busy

        self._qtbot.waitUntil(answered, timeout=20_000)


def fuzz(qtbot, viewer, session, seed, clicks):
    documents = Documents()
    session.engine.subscribe(documents)
    request, taken = session.request, Counter()

    def counted(action, state=True):
        offered = request(action, state)
        taken[action] += offered
        return offered

    session.request = counted
    stack = session.caches.stack(session.devices["camera"])
    stash, kept = stack.stash, Counter()

    def noted(values):
        kept[int(values["camera"]["value"][0, 0])] += 1
        return stash(values)

    stack.stash = noted
    attach(viewer, session)
    _, dock = viewer.window.add_plugin_dock_widget("napari-skylight", "Plan control")
    reported = []
    session.reported.connect(reported.append)
    clicker = Clicker(qtbot, session, dock, seed)
    for _ in range(clicks):
        clicker.click()
    clicker.end()
    assert not list(filter(None, reported))
    assert session.state is SessionState.IDLE
    assert all(clicker.clicks[name] for name in ("run", "pause", "action:snapshot", "Halt"))
    frames = [int(event["data"]["camera"][0, 0]) for event in documents.events("snapshots")]
    assert len(frames) == len(set(frames)) == taken["snapshot"]
    assert set(frames) <= kept.keys()
    assert set(kept.values()) == {1}, "a frame was kept twice"
    assert clicker.clicks["action:snapshot"] == taken["snapshot"]
    viewer.close()
    qtbot.waitUntil(lambda: not _attachments.links(), timeout=5000)
    _attachments.close_session()  # let go of this one: the next test may want its own


def test_random_clicks(qtbot, make_napari_viewer, session):
    fuzz(qtbot, make_napari_viewer(show=True), session, seed=1, clicks=200)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(5))
def test_ten_thousand_random_clicks(qtbot, make_napari_viewer, session, seed):
    fuzz(qtbot, make_napari_viewer(show=True), session, seed=seed, clicks=2000)
