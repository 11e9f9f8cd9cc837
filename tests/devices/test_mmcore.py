"""Opening and closing a microscope of Micro-Manager."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import mm_test_adapters
import pymmcore_plus
import pytest

from napari_skylight.devices import Microscope, mmcore

ADAPTERS = Path(mm_test_adapters.device_adapter_path())
HEADER = "Property,Core,Initialize,0\nDevice,Camera,DemoCamera,DCam\nProperty,Core,Initialize,1\n"


@pytest.fixture
def opened(tmp_path):
    """Open a configuration, given as text; everything opened is closed at the end."""
    microscopes = []

    def open_it(text):
        path = tmp_path / "microscope.cfg"
        path.write_text(text)
        microscopes.append(mmcore.microscope(path))
        return microscopes[-1]

    yield open_it
    for microscope in microscopes:
        microscope.close()


def names(microscope):
    return [device.name for device in microscope.devices]


def core_threads():
    return [t.name for t in threading.enumerate() if t.name.startswith("skylight-mmcore")]


def test_without_a_name_it_is_the_demo_configuration():
    microscope = mmcore.microscope()
    assert isinstance(microscope, Microscope)
    assert microscope.title == "Micro-Manager (MMConfig_demo.cfg)"
    assert names(microscope) == ["camera", "stage", "focus", "light"]
    microscope.close()


def test_closing_ends_its_threads_and_may_be_done_twice():
    microscope = mmcore.microscope()
    assert sorted(core_threads()) == ["skylight-mmcore", "skylight-mmcore-camera"]
    microscope.close()
    assert core_threads() == []
    microscope.close()
    camera = microscope.devices[0]
    for status in (camera.trigger(), camera.exposure.set(5)):
        with pytest.raises(RuntimeError, match="closed"):
            status.wait(1)


def test_one_after_the_other():
    for _ in range(2):
        microscope = mmcore.microscope()
        microscope.devices[0].trigger().wait(5)
        microscope.close()


def test_it_is_not_the_core_that_other_widgets_share():
    microscope = mmcore.microscope()
    shared = pymmcore_plus.CMMCorePlus.instance()
    assert shared.getLoadedDevices() == ("Core",)
    microscope.close()


def test_it_has_the_devices_that_the_configuration_has(opened):
    roles = "Property,Core,Camera,Camera\n"
    assert names(opened(HEADER + roles)) == ["camera"]
    channels = "ConfigGroup,Channel,Bright,Camera,Gain,1\nConfigGroup,Channel,Dim,Camera,Gain,0\n"
    assert names(opened(HEADER + roles + channels)) == ["camera", "channel"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "Property,Camera,Color,red\n", r"microscope\.cfg, line 4: .*Color.*Correct that"),
        ("Device,Camera,Nikon,DCam\n", r"line 1: .*Nikon.*\(Device,Camera,Nikon,DCam\)"),
        ("no configuration at all\n", "names no camera"),
        (HEADER.replace("Device,Camera,DemoCamera,DCam\n", ""), "names no camera"),
    ],
)
def test_a_broken_configuration_is_named_with_its_line(opened, text, message):
    with pytest.raises(ValueError, match=message):
        opened(text)
    assert core_threads() == []


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no Micro-Manager configuration .*nowhere\.cfg"):
        mmcore.microscope(tmp_path / "nowhere.cfg")


def test_a_file_beside_the_adapters_is_found_by_its_name():
    microscope = mmcore.microscope("MMConfig_demo.cfg")
    assert microscope.title == "Micro-Manager (MMConfig_demo.cfg)"
    microscope.close()


def test_micromanager_path_says_where_micro_manager_is(tmp_path, monkeypatch):
    for library in ADAPTERS.glob("*DemoCamera*"):
        (tmp_path / library.name).symlink_to(library)
    monkeypatch.setenv("MICROMANAGER_PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"MMConfig_demo\.cfg .*MICROMANAGER_PATH"):
        mmcore.microscope()
    (tmp_path / "MMConfig_demo.cfg").write_text(HEADER + "Property,Core,Camera,Camera\n")
    microscope = mmcore.microscope()
    assert names(microscope) == ["camera"]
    microscope.close()


def test_a_wrong_micromanager_path_is_not_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("MICROMANAGER_PATH", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match=r"MICROMANAGER_PATH is .*gone.*no such folder"):
        mmcore.microscope()


@pytest.mark.parametrize("package", ["pymmcore", "pymmcore_plus"])
def test_without_the_extra_it_says_what_to_install(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r"pip install 'napari-skylight\[mmcore\]'"):
        mmcore.microscope()


def test_the_package_can_be_imported_without_the_core():
    code = "import sys, napari_skylight.devices.mmcore; sys.exit('pymmcore_plus' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_a_program_that_forgets_to_close_ends_at_once_with_the_shutter_closed():
    code = (
        "from napari_skylight.devices import mmcore\n"
        "microscope = mmcore.microscope()\n"
        "camera, *_, light = microscope.devices\n"
        "light.set(True).wait(5)\n"
        "camera.trigger().wait(5)\n"
        "shutter = light.open\n"
        "light.open = lambda is_open: (print('open' if is_open else 'closed'), shutter(is_open))\n"
    )
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], timeout=60, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "closed\n", "")
    assert time.monotonic() - start < 20
