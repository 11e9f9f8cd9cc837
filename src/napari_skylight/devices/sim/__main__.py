"""The simulated microscope in a terminal: ``python -m napari_skylight.devices.sim``."""

from __future__ import annotations

import argparse
import os
import select
import shutil
import sys

from napari_skylight.devices.sim._terminal import GAP, HELP, keys, press, screen, shades, summary
from napari_skylight.devices.sim.specimen import Imager, Shot

FRAME_PERIOD = 0.05
CLEAR, HOME, LEAVE = "\x1b[2J\x1b[?25l", "\x1b[H", "\x1b[0m\x1b[?25h\n"


def main(arguments: list[str] | None = None) -> int:
    """Play, or without a terminal print one frame; returns the process's exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m napari_skylight.devices.sim",
        description="Look through the simulated microscope in a terminal.",
        epilog="keys:\n  " + HELP.replace(GAP, "\n  "),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, another specimen")
    imager = Imager(parser.parse_args(arguments).seed)
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.name == "nt":
        shot = Shot()
        frame = imager.take(shot)
        print(shades(frame, 78, 36))
        print(summary(shot, frame))
        return 0
    _play(imager)
    return 0


def _play(imager: Imager) -> None:
    """Show frames and obey keys until q or Ctrl+C."""
    # Not on Windows, where the caller does not come here.
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        sys.stdout.write(CLEAR)
        _show_until_quit(imager)
    except KeyboardInterrupt:
        pass  # Ctrl+C is a way to quit
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        sys.stdout.write(LEAVE)


def _show_until_quit(imager: Imager) -> None:
    shot, number, rest = Shot(), 0, ""
    while True:
        frame = imager.take(shot, number)
        number += 1
        sys.stdout.write(HOME + screen(shot, frame, *shutil.get_terminal_size()))
        sys.stdout.flush()
        if select.select([sys.stdin], [], [], FRAME_PERIOD)[0]:
            # Unbuffered: what was read already, select would not tell of.
            typed = os.read(sys.stdin.fileno(), 1024).decode(errors="replace")
            pressed, rest = keys(rest + typed)
            if not typed or "q" in pressed or "Q" in pressed:
                return
            for key in pressed:
                shot = press(shot, key)


if __name__ == "__main__":
    sys.exit(main())
