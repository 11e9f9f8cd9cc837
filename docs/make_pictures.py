"""The pictures of the documentation, from the running program.

`make pictures` makes all of them; ``python docs/make_pictures.py live-view`` makes one, on the
display there is. Every picture is one function, run in a process of its own with settings of its
own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import napari
from PIL import Image
from qtpy.QtCore import QEventLoop, QPoint, QTimer
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QAbstractButton, QTreeView, QWidget

from napari_skylight import attach
from napari_skylight._compat import main_window
from napari_skylight.devices import sim
from napari_skylight.plugin._attachments import link_of
from napari_skylight.recording import FileNames
from napari_skylight.session import home_folder

FOLDER = Path(__file__).parent / "pictures"
MOST_BYTES = 250_000
COLOURS = 96

Picture = Callable[["Program"], "QWidget | None"]
PICTURES: dict[str, Picture] = {}


def picture(make: Picture) -> Picture:
    """Register a function that brings the program to where the picture is taken.

    It returns the widget to show, or None for the whole window.
    """
    PICTURES[make.__name__.replace("_", "-")] = make
    return make


class Program:
    """The program, as the command `napari-skylight` opens it."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer(title="napari-skylight")
        self.session = attach(self.viewer)
        self.open_microscope(sim.microscope)
        self.control = self.dock("Plan control")
        self.window = main_window(self.viewer)
        self.window.setGeometry(QGuiApplication.primaryScreen().geometry())

    def open_microscope(self, factory: Callable[[], object]) -> None:
        opened = self.session.open_microscope(factory)
        self.wait(opened.done)
        opened.result()

    def dock(self, name: str) -> QWidget:
        dock = self.viewer.window.add_plugin_dock_widget("napari-skylight", name)[1]
        self.rest(1)
        return dock

    def wait(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Let the window live until `condition` holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Not true in {seconds} s: {condition}, {self.session.problem}")
            self.rest(0.1)

    def rest(self, seconds: float) -> None:
        """Let the window live for some seconds."""
        # as it does when used: a loop that only looks for events now and then shows fewer frames
        loop = QEventLoop()
        QTimer.singleShot(int(seconds * 1000), loop.quit)
        loop.exec()

    def press(self, name: str) -> None:
        button = self.control.findChild(QAbstractButton, name)
        self.wait(button.isEnabled)
        button.click()

    def frames(self, kind: str = "live") -> int:
        return sum(cache.counts.stashed for cache in self.session.caches if cache.kind == kind)

    def run(self, frames: int = 250) -> None:
        """Press Run, and let some frames come."""
        self.press("run")
        self.wait(lambda: self.frames() > frames)
        self.rest(1)

    def snapshots(self, count: int) -> None:
        for number in range(1, count + 1):
            self.press("action:snapshot")
            self.wait(lambda n=number: self.frames("stack") >= n)
        self.rest(1)

    def save(self, path: Path, widget: QWidget | None) -> None:
        """Save what is on the screen."""
        QGuiApplication.primaryScreen().grabWindow(0).save(str(path))
        image = Image.open(path).convert("RGB")
        if widget is not None:
            corner = widget.mapToGlobal(QPoint(0, 0))
            x, y = corner.x(), corner.y()
            image = image.crop((x, y, x + widget.width(), y + widget.height()))
        # noise is what takes the room; this way of choosing colours keeps the rare ones
        few = image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, 1, dither=Image.Dither.NONE)
        few.save(path, optimize=True)
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{path.name} takes {path.stat().st_size} bytes")


@picture
def first_open(program: Program) -> None:
    program.rest(1)


@picture
def live_view(program: Program) -> None:
    program.run()
    program.snapshots(1)


@picture
def processing(program: Program) -> None:
    program.session.remember("live_view", {"process": ["divided by median"]})
    program.session.choose("live_view", program.session.remembered("live_view"))
    program.rest(1)
    program.press("run")
    for step in range(1, 30):
        program.session.set("stage.x", 0.5 * step).result(timeout=10)
        program.rest(0.1)
        if step == 20:
            link_of(program.viewer).autoscale_now()


@picture
def paused(program: Program) -> None:
    program.run()
    program.press("pause")
    program.wait(lambda: program.session.state == "paused")
    program.rest(1)


@picture
def snapshots(program: Program) -> None:
    program.run()
    program.snapshots(3)
    program.viewer.dims.set_current_step(0, 1)
    program.rest(1)


@picture
def devices(program: Program) -> None:
    program.run()
    program.dock("Runs")
    program.dock("Devices")
    program.rest(1)


@picture
def channels(program: Program) -> None:
    program.session.choose("live_view", {"channels": ["DAPI", "GFP", "RFP"]})
    program.control.findChild(QWidget, "more").expand(animate=False)
    program.rest(1)
    program.run(60)


@picture
def progress(program: Program) -> None:
    program.session.set("camera.exposure", 100).result(timeout=10)
    program.session.choose("snap", {"frames": 100})
    program.press("run")
    program.wait(lambda: program.frames("stack") > 40)


@picture
def runs(program: Program) -> None:
    program.run(60)
    program.snapshots(2)
    program.press("run")
    program.wait(lambda: not program.session.state.busy)
    program.session.choose("snap", {"frames": 40})
    program.press("run")
    program.wait(lambda: not program.session.state.busy)
    program.dock("Devices")
    dock = program.dock("Runs")
    table = dock.findChild(QTreeView, "runs")
    table.setCurrentIndex(table.model().index(0, 0))
    program.rest(1)


@picture
def record(program: Program) -> None:
    recordings = program.session.recordings
    recordings.names = FileNames("{date}_{sample}_{camera}_{counter}", home_folder())
    recordings.sample = "HeLa"
    program.session.set("camera.exposure", 50).result(timeout=10)  # also on a slow disk
    program.run(60)
    program.press("action:record")
    program.wait(lambda: bool(recordings.last) and recordings.last[0].frames > 40)
    program.rest(1)


@picture
def cameras(program: Program) -> None:
    stage, focus, light = (program.session.devices[name] for name in ("stage", "focus", "light"))
    side_camera = sim.Camera(
        sim.Imager(), stage, focus, light, sensor=(512, 512), name="side camera"
    )
    program.session.add_device(side_camera).result(timeout=10)
    program.session.choose("live_view", {"cameras": ["camera", "side camera"]})
    program.run()


@picture
def plugins_menu(program: Program) -> None:
    program.run(60)
    menu = program.viewer.window.plugins_menu
    bar = program.window.menuBar()
    menu.popup(bar.mapToGlobal(bar.actionGeometry(menu.menuAction()).bottomLeft()))
    ours = next(action for action in menu.actions() if action.text() == "napari-skylight")
    menu.setActiveAction(ours)
    ours.menu().popup(menu.mapToGlobal(menu.actionGeometry(ours).topRight()))
    program.rest(1)


def make(name: str, folder: Path) -> None:
    """Make one picture, in this process."""
    program = Program()
    try:
        widget = PICTURES[name](program)
        program.save(folder / f"{name}.png", widget)
    finally:
        program.viewer.close()


def make_apart(name: str, folder: Path) -> None:
    """Make one picture, in a process and with settings of its own."""
    code = "import sys, pathlib, make_pictures as m; m.make(sys.argv[1], pathlib.Path(sys.argv[2]))"
    with tempfile.TemporaryDirectory() as home:
        settings = {"XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home, "NAPARI_SKYLIGHT_HOME": home}
        subprocess.run(
            [sys.executable, "-c", code, name, str(folder.absolute())],
            cwd=Path(__file__).parent,
            env=os.environ | settings,
            check=True,
            timeout=180,
        )


def main() -> None:
    """Make the pictures that the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(PICTURES), help=", ".join(PICTURES))
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    for name in options.names:
        make_apart(name, options.folder)
        print(f"{name}.png")


if __name__ == "__main__":
    main()
