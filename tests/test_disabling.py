"""The plugin disabled in napari's plugin manager, and enabled again: in a napari of its own."""

import pytest

# The plan is stopped; a script's own session is left to it, and shown again by the next dock.
A_PLAN_RUNS = """
before = commands()
light = FakeLight()
session = Session()
session.add_device(FakeCamera(seconds=0.002)).result(timeout=5)
session.add_device(light).result(timeout=5)
attach(viewer, session)
run = dock().findChild(QPushButton, "run")
there = commands()
viewer.window.activate()
wait(viewer.window._qt_window.isActiveWindow)
QTest.mouseClick(run, Qt.MouseButton.LeftButton)
wait(lambda: light.on and "camera" in viewer.layers)
assert {"Ctrl+Alt+L", "Ctrl+Alt+1"} <= shortcuts()
for _ in range(2):
    manager.disable(NAME)
    wait(lambda: session.state == "idle")
    assert not light.on
    assert commands() == set()
    assert not {"Ctrl+Alt+L", "Ctrl+Alt+1"} & shortcuts()
    assert not viewer.window.dock_widgets
    assert not _attachments.links()
    manager.enable(NAME)
    assert commands() == before
    again = dock()
    assert commands() == there
    assert attach(viewer) is session
    QTest.keyClick(again, Qt.Key.Key_L, CTRL_ALT)
    wait(lambda: session.state == "running")
viewer.close()
session.close()
"""

# It is closed; the next dock makes another.
THE_PLUGIN_S_SESSION = """
sessions = []
for _ in range(2):
    dock()
    sessions.append(attach(viewer))
    wait(lambda: sessions[-1].microscope is not None)
    manager.disable(NAME)
    try:
        sessions[-1].start("live_view")
    except RuntimeError as error:
        assert "closed" in str(error)
    else:
        raise AssertionError("it is open still")
    manager.enable(NAME)
assert sessions[0] is not sessions[1]
viewer.close()
"""

# napari makes all settings of plugins anew, and the page shows those.
PREFERENCES = """
from napari.settings import get_plugin_settings
from npe2 import PluginManifest
manager.register(PluginManifest(name="other"))
attach(viewer)
[link] = _attachments.links()
manager.disable("other")
manager.enable("other")
get_plugin_settings(NAME).live.show_counts = True
assert link.show_counts
viewer.close()
"""


def test_while_a_plan_runs(run_napari):
    run_napari(A_PLAN_RUNS)


@pytest.mark.slow
def test_with_a_session_of_its_own(run_napari):
    run_napari(THE_PLUGIN_S_SESSION)


@pytest.mark.slow
def test_preferences_are_followed_when_another_plugin_is_disabled(run_napari):
    run_napari(PREFERENCES)


@pytest.mark.slow
def test_enabled_after_napari_started_without_it(run_napari, tmp_path):
    (tmp_path / "settings.yaml").write_text("plugins:\n  disabled_plugins: [napari-skylight]\n")
    run_napari("manager.enable(NAME); dock(); viewer.close()")
