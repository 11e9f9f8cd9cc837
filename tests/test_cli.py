"""The command, as a newcomer types it."""

import os
import re
import signal
import subprocess
import sys

import pytest
from qtpy.QtGui import QImage

from napari_skylight import cli
from napari_skylight.testing import wait_until


def run(*arguments):
    environment = {k: v for k, v in os.environ.items() if "DISPLAY" not in k}
    return subprocess.run(
        [sys.executable, "-m", "napari_skylight.cli", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )


def shades(image, left, right):
    """The number of different greys in the middle rows between two columns of the window."""
    rows = range(image.height() // 3, 2 * image.height() // 3, 3)
    columns = range(int(left * image.width()), int(right * image.width()), 3)
    return len({image.pixelColor(x, y).green() for x in columns for y in rows})


@pytest.mark.gl
@pytest.mark.parametrize("microscope", [[], ["--mm-config"]], ids=["simulated", "micro-manager"])
def test_the_demo_shows_a_microscope_at_work_without_a_display(tmp_path, microscope):
    picture = tmp_path / "demo.png"
    done = run("--demo", "--seconds", "1", "--screenshot", str(picture), *microscope)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    counts = re.search(r"camera: (\d+) frames acquired, (\d+) stashed, (\d+) shown", done.stdout)
    acquired, stashed, shown = map(int, counts.groups())
    assert acquired == stashed >= shown > 1
    assert "camera · snapshots: 1 frames acquired, 1 stashed, 1 shown" in done.stdout
    image = QImage(str(picture))
    assert (image.width(), image.height()) >= (1000, 600)
    assert shades(image, 0.35, 0.65) > 60, "the specimen is in the middle of the window"


@pytest.mark.gl
def test_a_configuration_that_is_not_there_is_named(tmp_path):
    missing = str(tmp_path / "nowhere.cfg")
    done = run("--demo", "--seconds", "1", "--mm-config", missing)
    assert done.returncode == 1
    assert "nowhere.cfg" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.gl
def test_without_micro_manager_the_demo_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "pymmcore.py").write_text("raise ImportError('not installed')\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    monkeypatch.setenv("PYTHONPATH", path)
    done = run("--demo", "--seconds", "1", "--screenshot", str(tmp_path / "d.png"), "--mm-config")
    assert done.returncode == 1
    assert "pip install 'napari-skylight[mmcore]'" in done.stderr
    assert not (tmp_path / "d.png").exists()


def test_without_a_display_it_says_what_to_do():
    done = run()
    assert done.returncode == 1
    assert "--demo" in done.stderr


@pytest.mark.parametrize("seconds", ["soon", "nan", "inf", "-1"])
def test_bad_options_are_refused_before_anything_is_opened(capsys, seconds):
    with pytest.raises(SystemExit):
        cli.main(["--seconds", seconds])
    assert seconds in capsys.readouterr().err


@pytest.mark.gl
def test_the_demo_opens_a_file_of_devices(tmp_path):
    file = tmp_path / "scope.toml"
    file.write_text("[[simulated_microscope]]\nseed = 3\n[[micro_manager]]\nconfig = './no.cfg'\n")
    options = ["--seconds", "0.5", "--screenshot", str(tmp_path / "demo.png")]
    done = run("--demo", *options, "--devices", str(file))
    assert done.returncode == 0, done.stderr
    assert "scope.toml, Live view for " in done.stdout
    assert "scope.toml, line 3, micro_manager: " in done.stdout, "as napari tells of it"


def test_a_file_of_devices_that_is_not_there_is_named(capsys):
    assert cli.main(["--devices", "nowhere.toml"]) == 1
    assert "There is no file nowhere.toml." in capsys.readouterr().err


def test_one_microscope_is_opened(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--devices", "scope.toml", "--mm-config"])
    assert "not allowed with" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_named(capsys, tmp_path):
    assert cli.main(["--demo", "--screenshot", str(tmp_path / "nowhere" / "demo.png")]) == 1
    assert "nowhere" in capsys.readouterr().err


LIGHT = """
import os
from napari_skylight.testing import FakeLight

class Light(FakeLight):
    def _switch(self, on):
        super()._switch(on)
        with open(os.environ["LIGHT"], "a") as told:
            told.write(f"{on} ")
"""


LIGHT_ON = """
from lab import Light
from napari_skylight import Session
session = Session()
session.add_device(Light()).result(timeout=5)
session.set("light", True).result(timeout=5)
"""
IN_NAPARI = """
import napari
from napari_skylight import attach
viewer = napari.Viewer()
attach(viewer, session)
napari.run()
"""
PROGRAMS = {
    "command": ["-m", "napari_skylight.cli", "--live", "--devices", "scope.toml"],
    "script with napari": ["-c", LIGHT_ON + IN_NAPARI],
    "script": ["-c", LIGHT_ON + "import time\nwhile True: time.sleep(1)"],
}


@pytest.mark.gl
@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("command", "SIGHUP"),
        ("script with napari", "SIGTERM"),
        ("script", "SIGTERM"),
    ],
)
def test_the_light_goes_off_when_the_system_ends_the_program(tmp_path, qapp, program, name):
    told, devices = tmp_path / "light", tmp_path / "scope.toml"
    told.write_text("")
    (tmp_path / "lab.py").write_text(LIGHT)
    devices.write_text("[[lab.Light]]\n[[napari_skylight.testing.FakeCamera]]\nseconds = 0.01\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [sys.executable, *PROGRAMS[program]],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "LIGHT": str(told), "NAPARI_CONFIG": ""},
        stderr=subprocess.PIPE,
        text=True,
        # under nohup it would be ignored, here as in what is started
        preexec_fn=lambda: signal.signal(getattr(signal, name), signal.SIG_DFL),
    )
    try:
        wait_until(lambda: told.read_text().endswith("True ") or process.poll() is not None, 90)
        process.send_signal(getattr(signal, name))
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == -getattr(signal, name), errors
    assert "Traceback" not in errors
    assert told.read_text().endswith("False ")
