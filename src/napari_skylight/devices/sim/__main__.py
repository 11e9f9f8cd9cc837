"""The simulated microscope in a terminal: ``python -m napari_skylight.devices.sim``."""

from __future__ import annotations

import argparse
import os
import select
import shutil
import sys

from ._imager import Imager, Shot
from ._terminal import HELP, blocks, press, shades, summary

ARROWS = {"\x1b[A": "up", "\x1b[B": "down", "\x1b[C": "right", "\x1b[D": "left"}
FRAME_PERIOD = 0.05
CLEAR, HOME, LEAVE = "\x1b[2J\x1b[?25l", "\x1b[H", "\x1b[0m\x1b[?25h\n"


def main(arguments: list[str] | None = None) -> int:
    """Play, or without a terminal print one frame; returns the process's exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m napari_skylight.devices.sim",
        description="Look through the simulated microscope in a terminal.",
        epilog=HELP,
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
    shot, number = Shot(), 0
    while True:
        columns, lines = shutil.get_terminal_size()
        rows = max(1, min(lines - 4, columns // 2))
        frame = imager.take(shot, number)
        number += 1
        words = "\x1b[K\n".join((summary(shot, frame)[:columns], HELP[:columns])) + "\x1b[K"
        sys.stdout.write(f"{HOME}{blocks(frame, 2 * rows, rows)}\n{words}")
        sys.stdout.flush()
        if select.select([sys.stdin], [], [], FRAME_PERIOD)[0]:
            # Unbuffered, so that an arrow's three characters arrive together.
            typed = os.read(sys.stdin.fileno(), 3).decode(errors="replace")
            if typed in ("q", "Q", ""):
                return
            shot = press(shot, ARROWS.get(typed, typed))


if __name__ == "__main__":
    sys.exit(main())
