"""Every example runs and does what it says, and the README shows the first one."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_skylight import Session
from napari_skylight.devices import sim
from napari_skylight.session import SessionState
from napari_skylight.testing import Documents, FakeCamera, FakeLight, wait_until

ROOT = Path(__file__).parents[1]
EXAMPLES = {path.stem: path for path in sorted((ROOT / "examples").glob("*.py"))}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run an example as a program in an empty folder and return what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(name):
        runpy.run_path(str(EXAMPLES[name]), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_the_examples_are_numbered_and_each_says_what_it_is():
    assert [name[:3] for name in EXAMPLES] == [f"{n:02}_" for n in range(1, len(EXAMPLES) + 1)]
    for name, path in EXAMPLES.items():
        assert path.read_text().startswith('"""'), name


def test_the_plan_in_the_readme_is_the_one_in_the_example():
    example = EXAMPLES["01_write_your_own_plan"].read_text()
    plan = example.split('"""\n\n', 1)[1].split("\n\n\nif __name__")[0]
    assert f"```python\n{plan}\n```" in (ROOT / "README.md").read_text()
    assert len([line for line in plan.splitlines() if line.strip()]) <= 20


def test_the_plan_in_the_readme_runs():
    watch = runpy.run_path(str(EXAMPLES["01_write_your_own_plan"]))["watch"]
    camera, light, documents = FakeCamera(seconds=0.002), FakeLight(), Documents()
    with Session() as session:
        session.add_device(camera).result(timeout=5)
        session.add_device(light).result(timeout=5)
        session.add_plan(watch)
        session.engine.subscribe(documents)
        session.start("watch")
        wait_until(lambda: session.caches.live(camera).counts.stashed > 3)
        assert light.on
        assert session.request("keep")
        wait_until(lambda: documents.events("primary"))
        session.stop().result(timeout=5)
        assert session.state is SessionState.IDLE
        assert not light.on
        (event,) = documents.events("primary")
        kept = session.caches.stack(camera).reader().take("camera").data
        np.testing.assert_array_equal(kept[0], event["data"]["camera"])


def test_snap_and_save(run, tmp_path):
    assert run("02_snap_and_save").startswith("snapshots.tif: (3, 1024, 1024) uint16, 0.325 µm")
    with tifffile.TiffFile(tmp_path / "snapshots.tif") as saved:
        assert saved.asarray().shape == (3, 1024, 1024)
        assert np.ptp(saved.asarray()) > 100
        assert saved.imagej_metadata["unit"] == "um"
        numerator, denominator = saved.pages[0].tags["XResolution"].value
    assert denominator / numerator == pytest.approx(0.325, rel=1e-3)


def test_an_own_camera(run):
    assert run("03_own_camera") == "2 frames of 640 × 480, mean 500\n"


def test_two_actions_move_the_stage_back_to_the_mark():
    explore = runpy.run_path(str(EXAMPLES["04_two_actions"]))["explore"]
    with Session() as session:
        session.open_microscope(lambda: sim.microscope(sensor=(64, 64))).result(timeout=30)
        camera = session.devices["camera"]
        live, stack = session.caches.live(camera), session.caches.stack(camera).reader()

        def position():
            taken = live.reader().take("camera")
            return taken and taken.frame.metadata["stage-x"]

        session.add_plan(explore)
        session.set("stage.x", 40.0).result(timeout=10)
        session.start("explore")
        wait_until(lambda: live.keys and position() == pytest.approx(40))
        session.request("mark")
        wait_until(lambda: stack.cache.counts.kept == 1)
        session.set("stage.x", -20.0).result(timeout=10)
        wait_until(lambda: position() == pytest.approx(-20))
        session.request("go_back")
        wait_until(lambda: position() == pytest.approx(40))
        session.stop().result(timeout=10)
        (frame,) = stack.take("camera").frames
        assert frame.metadata["stage-x"] == pytest.approx(40)


def test_two_cameras(run, tmp_path):
    assert run("05_two_cameras") == "camera.tif: (2, 1024, 1024)\nside.tif: (2, 512, 512)\n"
    assert tifffile.imread(tmp_path / "side.tif").shape == (2, 512, 512)


def test_an_ophyd_async_detector(run, tmp_path):
    lines = run("06_ophyd_async_detector").splitlines()
    assert [line.rpartition(",")[0] for line in lines] == [
        f"frame {number}: (240, 320)" for number in (1, 2, 3)
    ]
    assert list(tmp_path.glob("*.h5"))


def test_micro_manager(run, tmp_path):
    assert run("07_micro_manager").splitlines() == [
        "Devices: camera stage focus light",
        "channels.tif: (2, 512, 512)",
    ]
    dapi, fitc = tifffile.imread(tmp_path / "channels.tif")
    assert np.ptp(dapi) > 0 < np.ptp(fitc)


def test_an_own_process_shows_what_has_changed():
    change = runpy.run_path(str(EXAMPLES["08_own_processing"]))["Change"]
    camera = FakeCamera()
    camera.transform = lambda frame: 100 + 7 * (frame % 2)
    with Session() as session:
        session.add_device(camera).result(timeout=5)
        session.add_process(change)
        processor = session.processes["change"].processor(camera)
        shown = session.caches.processed(camera, "change").reader()
        changes = []
        for _ in range(3):
            camera.trigger()
            processor.stash(camera.read())
            wait_until(lambda: not processor.counts.waiting)
            changes.append(shown.take(processor.name).data[0, 0])
    assert changes == [0, 7, 7]


IN_A_WINDOW = """
import runpy

def use_the_window():
    viewer = napari.current_viewer()
    window = viewer.window._qt_window
    plans = window.findChild(QComboBox, "plan")
    wait(lambda: plans.findText({title!r}) >= 0)
    plans.setCurrentIndex(plans.findText({title!r}))
    plans.activated.emit(plans.currentIndex())

    def click(name):
        wait(lambda: any(each.isEnabled() for each in window.findChildren(QPushButton, name)))
        QTest.mouseClick(window.findChild(QPushButton, name), Qt.MouseButton.LeftButton)

    click("run")
    wait(lambda: "camera" in viewer.layers)
    click({button!r})
    wait(lambda: "camera · snapshots" in viewer.layers)
    viewer.close()

viewer.close()
napari.run = use_the_window
runpy.run_path({path!r}, run_name="__main__")
"""


@pytest.mark.parametrize(
    ("name", "title", "button"),
    [
        ("01_write_your_own_plan", "Watch", "action:keep"),
        ("04_two_actions", "Explore", "action:mark"),
        ("08_own_processing", "Live view", "action:snapshot"),
    ],
)
def test_an_example_opens_napari_with_its_plan(name, title, button, run_napari):
    run_napari(IN_A_WINDOW.format(path=str(EXAMPLES[name]), title=title, button=button))
