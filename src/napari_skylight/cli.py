"""The `napari-skylight` command: napari with a microscope and the docks open."""

from __future__ import annotations

import argparse
import logging
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_skylight.devices import Microscope
    from napari_skylight.session import Session

# set for the command restarted on a virtual display, where no user can close the window
UNATTENDED = "NAPARI_SKYLIGHT_UNATTENDED"
SCREEN = 1366, 768
NO_DISPLAY = "There is no display: start it from a desktop, or with --demo on a virtual one."
NO_XVFB = "There is no display, and no Xvfb for a virtual one: apt-get install xvfb"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parse(given)
    if not options.screenshot.absolute().parent.is_dir():
        return _complain(f"There is no folder {options.screenshot.parent} to save a picture in.")
    if options.devices is not None and not _is_there(options.devices):
        return _complain(f"There is no file {options.devices}.")
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not display:
        return _on_a_virtual_display(given) if options.demo else _complain(NO_DISPLAY)
    # napari and Qt take seconds to import: check the options first
    import napari

    from napari_skylight.plugin._attachments import attach, open_docks
    from napari_skylight.plugin._commands import start_live_view

    # problems are shown in the window, not in the terminal too
    logging.getLogger("napari_skylight").addHandler(logging.NullHandler())
    viewer = napari.Viewer(title="napari-skylight")
    session = attach(viewer)
    opened = session.open_microscope(_microscope(options))
    open_docks(viewer)
    if options.demo or options.live:
        start_live_view(viewer)
    if UNATTENDED in os.environ:
        viewer.window.resize(*SCREEN)
        try:
            return _demonstrate(viewer, session, opened, options)
        finally:
            viewer.close()
    napari.run()
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="napari-skylight",
        description="Open napari with the plan control dock, on a simulated microscope.",
    )
    microscope = parser.add_mutually_exclusive_group()
    microscope.add_argument(
        "--devices",
        metavar="FILE",
        help="open the devices of this TOML file instead, or those of an installed factory by name",
    )
    microscope.add_argument(
        "--mm-config",
        metavar="FILE",
        nargs="?",
        const="",
        help="open this Micro-Manager configuration instead; without FILE, Micro-Manager's demo",
    )
    parser.add_argument("--live", action="store_true", help="start the live view at once")
    parser.add_argument(
        "--demo",
        action="store_true",
        help="as --live; without a display, run on a virtual one for some seconds, take a "
        "snapshot, print the counts of frames, and save a picture of the window",
    )
    parser.add_argument("--seconds", type=_seconds, default=4.0, help="of --demo; %(default)s")
    parser.add_argument(
        "--screenshot", type=Path, default=Path("demo.png"), help="of --demo; %(default)s"
    )
    return parser.parse_args(arguments)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number of seconds")
    return seconds


def _is_there(devices: str) -> bool:
    from napari_skylight.devices import factory_names

    return devices in factory_names() or Path(devices).expanduser().is_file()


def _microscope(options: argparse.Namespace) -> Callable[[], Microscope]:
    from napari_skylight.devices import make_microscope, sim

    if options.devices is not None:
        return partial(make_microscope, options.devices)
    if options.mm_config is not None:
        from napari_skylight.devices import mmcore

        return partial(mmcore.microscope, options.mm_config or None)
    return sim.microscope


def _complain(message: str) -> int:
    print(f"napari-skylight: {message}", file=sys.stderr)
    return 1


def _on_a_virtual_display(arguments: Sequence[str]) -> int:
    xvfb = shutil.which("xvfb-run")
    if xvfb is None:
        return _complain(NO_XVFB)
    screen = ["-a", "-s", f"-screen 0 {SCREEN[0]}x{SCREEN[1]}x24"]
    command = [xvfb, *screen, sys.executable, "-m", "napari_skylight.cli", *arguments]
    sys.stdout.flush()
    os.execve(xvfb, command, {**os.environ, UNATTENDED: "1"})


def _demonstrate(
    viewer: Viewer, session: Session, opened: Future[Microscope], options: argparse.Namespace
) -> int:
    """Wait for live frames, take a snapshot, print the counts, and save a picture."""
    from napari_skylight.plans.spec import ParameterError
    from napari_skylight.plugin._attachments import summary
    from napari_skylight.session import SessionState, in_words

    def stashed(kind: str) -> int:
        return sum(cache.counts.stashed for cache in session.caches if cache.kind == kind)

    def is_over() -> bool:
        lost = session.microscope is None and not session.opening
        refused = isinstance(session.last_exception, ParameterError)
        return lost or refused or session.state is SessionState.FAILED

    _wait(opened.done, seconds=60)
    if opened.done() and (error := opened.exception()) is not None:
        return _complain(in_words(error))
    _wait(lambda: stashed("live") >= 5 or is_over(), seconds=60)
    if stashed("live") < 5:
        return _complain(session.problem or "no frame came within a minute")
    _wait(lambda: False, options.seconds)
    session.request("snapshot")
    if not _wait(lambda: stashed("stack") >= 1, seconds=10):
        return _complain(f"the snapshot did not come: {session.problem}")
    _wait(lambda: len(viewer.layers) >= 2, seconds=5)
    _wait(lambda: False, seconds=0.5)  # the dock updates its counts a few times a second
    assert session.microscope is not None
    assert session.run is not None
    print(f"{session.microscope.title}, {session.run.title} for {session.run.seconds:.1f} s:")
    for line in summary(viewer):
        print(f"  {line}")
    viewer.screenshot(str(options.screenshot), canvas_only=False, flash=False)
    print(f"The window: {options.screenshot}")
    return 0


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Run the event loop until `condition` holds; return False if it does not in time."""
    from qtpy.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    deadline = time.monotonic() + seconds
    timer = QTimer()

    def look() -> None:
        if condition() or time.monotonic() > deadline:
            loop.quit()

    timer.timeout.connect(look)
    timer.start(20)
    loop.exec()
    return condition()


if __name__ == "__main__":
    sys.exit(main())
