"""A session with its devices; and nothing that a test starts may outlive it."""

import gc
import logging
import os
import subprocess
import sys
import threading

import pytest

from napari_skylight import Session
from napari_skylight.testing import FakeCamera, FakeLight, wait_until


def pytest_collection_modifyitems(items):
    """Mark the tests that open a napari window, so that ``-m "not gl"`` leaves them out."""
    for item in items:
        if {"make_napari_viewer", "run_napari"} & set(item.fixturenames):
            item.add_marker("gl")


def skylight_threads():
    return {thread for thread in threading.enumerate() if thread.name.startswith("skylight-")}


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = skylight_threads()
    yield
    if not skylight_threads() - before:
        return
    gc.collect()
    wait_until(lambda: not skylight_threads() - before, timeout=5)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The folder for a person's own files: never that of whoever runs the tests."""
    folder = tmp_path / "home"
    monkeypatch.setenv("NAPARI_SKYLIGHT_HOME", str(folder))
    images = tmp_path / "images" / "napari-skylight"
    monkeypatch.setattr("napari_skylight.recording._names.default_folder", lambda: images)
    return folder


@pytest.fixture(autouse=True)
def default_preferences(request, monkeypatch):
    """Preferences of the plugin in memory: never the user's, nor those of another test."""
    if "make_napari_viewer" in request.fixturenames:
        monkeypatch.setattr("napari.settings._CFG_PATH", None)
        monkeypatch.setattr("napari.settings._PLUGIN_SETTINGS", {})


@pytest.fixture(autouse=True)
def log_as_by_default(caplog):
    """Log warnings and worse, whatever a library set the root logger to when it was imported.

    pytest keeps every record of a test, and bluesky's debug records hold the engine.
    """
    caplog.set_level(logging.WARNING)


@pytest.fixture
def session():
    with Session() as made:
        yield made


@pytest.fixture
def camera(session):
    camera = FakeCamera(seconds=0.002)
    session.add_device(camera).result(timeout=5)
    return camera


@pytest.fixture
def light(session):
    light = FakeLight()
    session.add_device(light).result(timeout=5)
    return light


@pytest.fixture
def cores(monkeypatch):
    """The cores that are made from now on, as another client of them has them."""
    from pymmcore import CMMCore

    made = []

    class Core(CMMCore):
        def __init__(self):
            super().__init__()
            made.append(self)

    monkeypatch.setattr("pymmcore.CMMCore", Core)
    return made


@pytest.fixture
def plugin_session(session, camera, light, qtbot):
    """A script's own session with a quick camera, for viewers; they are closed before it is."""
    from napari_skylight.plugin import _attachments

    yield session
    qtbot.waitUntil(lambda: not _attachments.links(), timeout=5000)
    _attachments.close_session()


@pytest.fixture
def shown(plugin_session, make_napari_viewer, qtbot):
    """A viewer on the screen that shows the session."""
    from napari_skylight import attach

    viewer = make_napari_viewer(show=True)
    attach(viewer, plugin_session)
    viewer.window.activate()
    qtbot.waitUntil(viewer.window._qt_window.isActiveWindow, timeout=5000)
    return viewer


@pytest.fixture
def plan_control(shown):
    """Its dock "Plan control"."""
    return shown.window.add_plugin_dock_widget("napari-skylight", "Plan control")[1]


@pytest.fixture
def told():
    """The notifications of napari's since the test began."""
    from napari.utils.notifications import notification_manager

    first = len(notification_manager.records)
    return lambda: notification_manager.records[first:]


PRELUDE = """
import time
import napari
from npe2 import PluginManager
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QComboBox, QPushButton
from napari_skylight import Session, attach
from napari_skylight.plugin import _attachments
from napari_skylight._compat import app_model
from napari_skylight.testing import FakeCamera, FakeLight

NAME = "napari-skylight"
CTRL_ALT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
manager = PluginManager.instance()
viewer = napari.Viewer()

def wait(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        QTest.qWait(10)

def dock():
    return viewer.window.add_plugin_dock_widget(NAME, "Plan control")[1]

def commands():
    return {command for command, _ in app_model().commands if command.startswith(NAME)}

def shortcuts():
    return {str(each.keybinding) for each in app_model().keybindings}
"""


@pytest.fixture
def run_napari(tmp_path):
    """Run a program in a napari of its own, with settings of its own; it must end well."""

    def run(program):
        ended = subprocess.run(
            [sys.executable, "-c", PRELUDE + program + "\nprint('done')"],
            env={**os.environ, "NAPARI_CONFIG": str(tmp_path / "settings.yaml")},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert ended.stdout.endswith("done\n"), ended.stderr
        assert "Traceback" not in ended.stderr
        assert "Error while disposing" not in ended.stderr

    return run
