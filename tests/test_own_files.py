"""The commands for the person's own plans and devices."""

from qtpy.QtGui import QDesktopServices

from napari_skylight import attach
from napari_skylight.plugin import _attachments, _commands

SNOOZE = """
from bluesky.utils import Msg, MsgGenerator

def snooze() -> MsgGenerator[None]:
    yield Msg("sleep", None, 0.01)
"""


def test_a_plan_is_there_once_its_folder_is_reloaded(
    qtbot, make_napari_viewer, monkeypatch, home, told
):
    viewer = make_napari_viewer(show=False)
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: bool(opened.append(url)))
    _commands.open_plans_folder(viewer)
    [url] = opened
    folder = home / "plans"
    assert url.toLocalFile() == str(folder)
    assert str(folder) in told()[-1].message  # nothing here could open it
    (folder / "mine.py").write_text(SNOOZE)
    session = attach(viewer)
    _commands.reload_plans(viewer)
    qtbot.waitUntil(lambda: "snooze" in session.plans, timeout=5000)
    qtbot.waitUntil(lambda: told() and "Plans reloaded" in told()[-1].message, timeout=5000)
    (folder / "mine.py").write_text("what?")
    _commands.reload_plans(viewer)
    qtbot.waitUntil(lambda: "mine.py" in told()[-1].message, timeout=5000)
    viewer.close()
    qtbot.waitUntil(lambda: not _attachments.links(), timeout=5000)


FILE = """
[[napari_skylight.testing.FakeCamera]]
name = "my camera"
"""


def test_the_devices_of_a_file_are_opened(qtbot, make_napari_viewer, monkeypatch, tmp_path, told):
    viewer = make_napari_viewer(show=False)
    (tmp_path / "mine.toml").write_text(FILE)
    monkeypatch.setattr(_commands, "choose_file", lambda *_: str(tmp_path / "mine.toml"))
    _commands.open_devices_file(viewer)
    session = attach(viewer)
    qtbot.waitUntil(lambda: session.microscope is not None, timeout=10000)
    assert list(session.devices) == ["my camera"]
    qtbot.waitUntil(lambda: not session.opening, timeout=10000)
    session.start("live_view")
    _commands.open_devices_file(viewer)
    assert "Stop the plan" in told()[-1].message
    viewer.close()
    qtbot.waitUntil(lambda: not _attachments.links(), timeout=5000)
