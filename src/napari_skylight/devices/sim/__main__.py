"""The simulated microscope in a terminal: ``python -m napari_skylight.devices.sim``."""

from __future__ import annotations

import argparse
import os
import re
import select
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_skylight.devices.sim._stage import FOCUS_TRAVEL, TRAVEL
from napari_skylight.devices.sim.specimen import CHANNELS, Imager, Shot

GAP = "   "
HELP = "arrows: stage   + -: focus   c: channel   e E: exposure   l: light   b: binning   q: quit"
ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}
KEY = re.compile(r"\x1b[\[O]([ABCD])|\x1b[\[O]?$|(.)", re.DOTALL)
END_OF_LINE, REST_OF_SCREEN = "\x1b[K", "\x1b[J"

SHADES = " .:-=+*#%@"
STAGE_STEP = 25.0
FOCUS_STEP = 1.0
EXPOSURES = (0.1, 10_000.0)
BINNINGS = {1: 2, 2: 4, 4: 1}

FRAME_PERIOD = 0.05
CLEAR, HOME, LEAVE = "\x1b[2J\x1b[?25l", "\x1b[H", "\x1b[0m\x1b[?25h\n"


def keys(typed: str) -> tuple[list[str], str]:
    """Return the keys in `typed`, and the incomplete escape sequence at its end."""
    found = list(KEY.finditer(typed))
    rest = ""
    if found and found[-1].lastindex is None:
        rest = found.pop().group()
    return [ARROWS[match[1]] if match[1] else match[2] for match in found], rest


def fold(words: str, columns: int) -> list[str]:
    """Break a line at its gaps into lines of at most `columns`."""
    lines = [""]
    for word in words.split(GAP):
        longer = f"{lines[-1]}{GAP}{word}" if lines[-1] else word
        if lines[-1] and len(longer) > columns:
            lines.append(word)
        else:
            lines[-1] = longer
    return [line[:columns] for line in lines]


def screen(shot: Shot, frame: NDArray[Any], columns: int, lines: int) -> str:
    """Return the text that fills a terminal: the picture, and below it the summary and the keys."""
    columns -= 1  # a character in the last column would be erased by END_OF_LINE
    words = [*fold(summary(shot, frame), columns), *fold(HELP, columns)]
    rows = max(1, min(lines - len(words), columns // 2))
    shown = [*blocks(frame, 2 * rows, rows).split("\n"), *words]
    return f"{END_OF_LINE}\n".join(shown[:lines]) + REST_OF_SCREEN


def press(shot: Shot, key: str) -> Shot:
    """Return the settings after `key`: "up", "down", "left", "right" or one of `HELP`."""
    channels = [*CHANNELS]
    changes: Mapping[str, Mapping[str, Any]] = {
        "left": {"x": _within(shot.x - STAGE_STEP, TRAVEL)},
        "right": {"x": _within(shot.x + STAGE_STEP, TRAVEL)},
        "up": {"y": _within(shot.y - STAGE_STEP, TRAVEL)},
        "down": {"y": _within(shot.y + STAGE_STEP, TRAVEL)},
        "+": {"focus": _within(shot.focus + FOCUS_STEP, FOCUS_TRAVEL)},
        "-": {"focus": _within(shot.focus - FOCUS_STEP, FOCUS_TRAVEL)},
        "c": {"channel": channels[(channels.index(shot.channel) + 1) % len(channels)]},
        "e": {"exposure": _within(shot.exposure / 2, EXPOSURES)},
        "E": {"exposure": _within(shot.exposure * 2, EXPOSURES)},
        "l": {"light": 0.0 if shot.light else 0.5},
        "b": {"binning": BINNINGS[shot.binning]},
    }
    return replace(shot, **changes.get(key, {}))


def _within(value: float, limits: tuple[float, float]) -> float:
    return min(max(value, limits[0]), limits[1])


def summary(shot: Shot, frame: NDArray[Any]) -> str:
    """Return one line with the settings and the counts."""
    saturated = 100 * float(np.mean(frame == np.iinfo(frame.dtype).max))
    return (
        f"{shot.channel}   x {shot.x:g} µm   y {shot.y:g} µm   focus {shot.focus:g} µm   "
        f"light {100 * shot.light:g}%   exposure {shot.exposure:g} ms   "
        f"{frame.shape[1]}x{frame.shape[0]} {frame.dtype}   "
        f"counts {frame.min()} to {frame.max()}, mean {frame.mean():.1f}{GAP}"
        f"saturated {saturated:.1f}%"
    )


def shades(frame: NDArray[Any], columns: int, rows: int) -> str:
    """Return `frame` as `rows` lines of `columns` plain characters; a space is darkest."""
    levels = _levels(frame, columns, rows, len(SHADES))
    return "\n".join("".join(SHADES[level] for level in line) for line in levels)


def blocks(frame: NDArray[Any], columns: int, rows: int) -> str:
    """Return `frame` in ANSI grey levels, two pixels, one above the other, per character."""
    levels = _levels(frame, columns, 2 * rows, 24) + 232
    lines = (
        "".join(f"\x1b[38;5;{a};48;5;{b}m▀" for a, b in zip(upper, lower, strict=True))
        for upper, lower in zip(levels[::2], levels[1::2], strict=True)
    )
    return "\x1b[0m\n".join(lines) + "\x1b[0m"


def _levels(frame: NDArray[Any], columns: int, rows: int, count: int) -> NDArray[np.intp]:
    """Return `frame` averaged to ``(rows, columns)`` and stretched to `count` grey levels."""
    small = frame.astype(np.float32)
    for axis, length in enumerate((rows, columns)):
        edges = np.linspace(0, frame.shape[axis], length, endpoint=False).astype(np.intp)
        sizes = np.diff(edges, append=frame.shape[axis])
        small = np.add.reduceat(small, edges, axis=axis) / np.expand_dims(sizes, 1 - axis)
    low, high = np.percentile(small, (1, 99.5))
    stretched = np.clip((small - low) / max(high - low, 1.0), 0, 1)
    levels: NDArray[np.intp] = (stretched * (count - 1)).round().astype(np.intp)
    return levels


def main(arguments: list[str] | None = None) -> int:
    """Show frames, or without a terminal print one; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m napari_skylight.devices.sim",
        description="Look through the simulated microscope in a terminal.",
        epilog="keys:\n  " + HELP.replace(GAP, "\n  "),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, another specimen")
    imager = Imager(parser.parse_args(arguments).seed)
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.name == "nt":
        frame = imager.take(Shot())
        print(shades(frame, 78, 36))
        print(summary(Shot(), frame))
    else:
        _play(imager)
    return 0


def _play(imager: Imager) -> None:
    """Show frames and handle keys until q or Ctrl+C."""
    import termios  # not on Windows, where `main` prints one frame
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        sys.stdout.write(CLEAR)
        _show_until_quit(imager)
    except KeyboardInterrupt:
        pass  # Ctrl+C quits
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
            # Unbuffered, because select does not see what a buffer holds.
            typed = os.read(sys.stdin.fileno(), 1024).decode(errors="replace")
            pressed, rest = keys(rest + typed)
            if not typed or "q" in pressed or "Q" in pressed:
                return
            for key in pressed:
                shot = press(shot, key)


if __name__ == "__main__":
    sys.exit(main())
