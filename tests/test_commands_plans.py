"""The commands for the person's own plans."""

from napari.utils.notifications import notification_manager
from qtpy.QtGui import QDesktopServices

from napari_skylight import _attachments, _commands, attach

SNOOZE = """
from bluesky.utils import Msg, MsgGenerator

def snooze() -> MsgGenerator[None]:
    yield Msg("sleep", None, 0.01)
"""


def test_a_plan_is_there_once_its_folder_is_reloaded(
    qtbot, make_napari_viewer, monkeypatch, home, light
):
    viewer = make_napari_viewer(show=False)
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: bool(opened.append(url)))
    _commands.open_plans_folder(viewer)
    [url] = opened
    folder = home / "plans"
    assert url.toLocalFile() == str(folder)
    assert str(folder) in notification_manager.records[-1].message  # nothing here could open it
    (folder / "mine.py").write_text(SNOOZE)
    session = attach(viewer)
    _commands.reload_plans(viewer)
    qtbot.waitUntil(lambda: "snooze" in session.plans, timeout=5000)
    qtbot.waitUntil(
        lambda: "as in their files" in notification_manager.records[-1].message, timeout=5000
    )
    (folder / "mine.py").write_text("what?")
    _commands.reload_plans(viewer)
    qtbot.waitUntil(lambda: "mine.py" in notification_manager.records[-1].message, timeout=5000)
    viewer.close()
    qtbot.waitUntil(lambda: not _attachments.links(), timeout=5000)
