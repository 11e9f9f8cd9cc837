"""The plugin's page of napari's preferences."""

import pytest
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QPushButton,
)

from napari_skylight import attach
from napari_skylight.plugin import _attachments, _commands
from napari_skylight.plugin._preferences import live_settings
from napari_skylight.recording import FileNames, FileSettings
from napari_skylight.widgets import RecordDialog

SETTINGS = {
    "display_rate": (20.0, "display_rate"),
    "autoscale": ("continuous", "autoscale"),
    "show_counts": (True, "show_counts"),
    "warn_saturated": (False, "warn_saturated"),
}


@pytest.fixture
def preferences():
    preferences = live_settings()
    before = preferences.model_dump()
    yield preferences
    for name, value in before.items():
        setattr(preferences, name, value)


def test_a_change_takes_effect_at_once_in_all_viewers(
    plugin_session, make_napari_viewer, preferences
):
    for _ in range(2):
        attach(make_napari_viewer(show=False), plugin_session)
    for name, (value, attribute) in SETTINGS.items():
        assert all(getattr(link, attribute) != value for link in _attachments.links())
        setattr(preferences, name, value)
        assert all(getattr(link, attribute) == value for link in _attachments.links())
    attach(make_napari_viewer(show=False))
    for value, attribute in SETTINGS.values():
        assert getattr(_attachments.links()[-1], attribute) == value


def test_the_stack_size(shown, plugin_session, preferences):
    preferences.stack_size = 100
    assert plugin_session.caches.stack_bytes == 100_000_000


def test_the_folder_of_runs(qtbot, make_napari_viewer, preferences, home, tmp_path):
    viewer = make_napari_viewer(show=False)
    store = attach(viewer).run_store
    assert store.folder == home / "runs"
    preferences.runs_folder = str(tmp_path / "elsewhere")
    assert store.folder == tmp_path / "elsewhere"
    preferences.store_runs = False
    assert store.folder is None
    viewer.close()
    qtbot.waitUntil(lambda: not _attachments.links(), timeout=5000)


def test_the_settings_of_recordings(shown, plugin_session, preferences, tmp_path):
    recordings = plugin_session.recordings
    assert recordings.queue_bytes == 512_000_000
    assert recordings.file_settings == FileSettings()
    preferences.record_queue = 100
    preferences.record_folder = str(tmp_path / "Größe")
    preferences.record_compression = "zstd"
    preferences.record_library = "tensorstore"
    assert recordings.queue_bytes == 100_000_000
    assert recordings.names.folder == tmp_path / "Größe"
    assert recordings.file_settings == FileSettings(backend="tensorstore", compression="zstd")
    preferences.record_folder = ""
    assert recordings.names.folder.name == "napari-skylight"


def test_the_names_of_recordings(shown, plugin_session, preferences, tmp_path, caplog):
    recordings = plugin_session.recordings
    preferences.record_sample, preferences.record_format = "HeLa", "ome-tiff"
    preferences.record_names = "{sample}"
    assert (recordings.sample, recordings.names.template) == ("HeLa", "{sample}")
    assert recordings.file_settings == FileSettings("ome-tiff")
    preferences.record_names = "{sampl"
    assert recordings.names.template == "{sample}"
    assert "cannot be read" in caplog.text


def test_what_a_script_has_set_for_recordings_stays(
    plugin_session, make_napari_viewer, preferences, tmp_path
):
    plugin_session.recordings.names = FileNames("{camera}", tmp_path)
    attach(make_napari_viewer(show=False), plugin_session)
    preferences.stack_size = 100
    assert plugin_session.recordings.names.folder == tmp_path


def test_what_is_chosen_for_recordings_is_kept(
    shown, plan_control, plugin_session, preferences, qtbot
):
    run, button = (plan_control.findChild(QPushButton, name) for name in ("run", "record_to"))
    qtbot.waitUntil(run.isEnabled, timeout=5000)
    run.click()
    qtbot.waitUntil(button.isVisible, timeout=5000)
    button.click()
    (dialog,) = shown.window._qt_window.findChildren(RecordDialog)
    for name, text in {"sample": "HeLa", "name": "{sample}_{camera}"}.items():
        dialog.findChild(QLineEdit, name).setText(text)
    dialog.findChild(QComboBox, "format").setCurrentText("OME-TIFF")
    dialog.findChild(QCheckBox, "compress").setChecked(True)
    assert dialog.findChild(QLabel, "preview").text() == "Next file: HeLa_camera.ome.tif"
    assert " free on the disk" in dialog.findChild(QLabel, "room").text()
    dialog.findChild(QDialogButtonBox).buttons()[0].click()
    assert (preferences.record_sample, preferences.record_names) == ("HeLa", "{sample}_{camera}")
    assert (preferences.record_format, preferences.record_compression) == ("ome-tiff", "zstd")
    assert plugin_session.recordings.file_settings == FileSettings("ome-tiff", compression="zstd")
    label = plan_control.findChild(QLabel, "next_file")
    qtbot.waitUntil(lambda: label.text() == "Next: …/HeLa_camera.ome.tif", timeout=5000)


def test_show_frame_rates_is_the_preference(shown, preferences):
    [link] = _attachments.links()
    _commands.show_frame_rates(shown)
    assert preferences.show_counts
    assert link.show_counts
    _commands.show_frame_rates(shown)
    assert not link.show_counts


UNKNOWN = """
attach(viewer)
[link] = _attachments.links()
assert (link.autoscale, link.show_counts, link.display_rate) == ("once", False, 30)
from napari_skylight.plugin._preferences import keep_recording_settings
recordings = link.session.recordings
assert recordings.sample == "yeast"
recordings.sample = "HeLa"
keep_recording_settings(recordings)
viewer.close()
"""


def test_an_unknown_value_in_the_file_is_the_default(run_napari, tmp_path):
    values = "autoscale: sometimes, show_counts: perhaps, display_rate: 30, colour: red"
    file = f"live: {{{values}, record_sample: yeast}}"
    (tmp_path / "napari-skylight.yaml").write_text(file)
    run_napari(UNKNOWN)
    kept = (tmp_path / "napari-skylight.yaml").read_text()
    assert "record_sample: HeLa" in kept  # for the next start
