"""The simulated microscope without napari, Qt or Bluesky: as text."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from napari_skylight.devices.sim import Imager, Shot
from napari_skylight.devices.sim.__main__ import (
    blocks,
    keys,
    main,
    press,
    screen,
    shades,
    summary,
)

COMMAND = [sys.executable, "-m", "napari_skylight.devices.sim"]


def test_without_a_terminal_it_prints_one_picture():
    done = subprocess.run(
        COMMAND, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True, text=True
    )
    *picture, line = done.stdout.splitlines()
    assert len(picture) == 36
    assert {len(row) for row in picture} == {78}
    assert len(set("".join(picture))) >= 8
    assert line.startswith("GFP   x 0 µm")
    assert "\x1b" not in done.stdout


def test_another_seed_prints_another_picture(capsys):
    printed = set()
    for seed in "12":
        assert main(["--seed", seed]) == 0
        printed.add(capsys.readouterr().out)
    assert len(printed) == 2


@pytest.mark.posix
def test_it_can_be_played():
    import pty

    ours, theirs = pty.openpty()
    player = subprocess.Popen(COMMAND, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        shown = ""
        for awaited, key in (
            ("GFP   x 0 µm", b"c"),
            ("RFP   x 0 µm", b"\x1b[C"),
            ("RFP   x 25 µm", b"EEEE"),
            ("exposure 320 ms", b"e\x1b"),
            ("exposure 160 ms", b"[Dq"),
        ):
            while awaited not in shown:
                shown += os.read(ours, 65536).decode(errors="replace")
            os.write(ours, key)
        while True:
            try:
                if not (rest := os.read(ours, 65536)):
                    break
            except OSError:  # how Linux reports that the other side is gone
                break
            shown += rest.decode(errors="replace")
        assert player.wait(timeout=10) == 0
        assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is back
    finally:
        player.kill()
        player.wait(timeout=10)
        os.close(ours)


@pytest.mark.parametrize(
    ("key", "changed"),
    [
        ("right", {"x": 25.0}),
        ("up", {"y": -25.0}),
        ("+", {"focus": 1.0}),
        ("-", {"focus": -1.0}),
        ("c", {"channel": "RFP"}),
        ("e", {"exposure": 10.0}),
        ("E", {"exposure": 40.0}),
        ("l", {"light": 0.0}),
        ("b", {"binning": 2}),
        ("?", {}),
    ],
)
def test_keys(key, changed):
    before = Shot()
    after = press(before, key)
    assert {
        n: getattr(after, n) for n in vars(after) if getattr(after, n) != getattr(before, n)
    } == changed


@pytest.mark.parametrize(
    ("typed", "pressed", "rest"),
    [
        ("EEEE", ["E", "E", "E", "E"], ""),
        ("\x1b[A\x1bOBc+", ["up", "down", "c", "+"], ""),
        ("e\x1b[", ["e"], "\x1b["),
        ("\x1b", [], "\x1b"),
        ("", [], ""),
    ],
)
def test_keys_typed_quickly_are_all_there(typed, pressed, rest):
    assert keys(typed) == (pressed, rest)


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (130, 50), (40, 12)])
def test_the_screen_has_room_for_all_words(columns, lines):
    shown = screen(Shot(), Imager().take(Shot()), columns, lines)
    rows = re.sub(r"\x1b\[[\d;]*m", "", shown).removesuffix("\x1b[J").split("\n")
    assert len(rows) == lines
    assert all(row.endswith("\x1b[K") for row in rows[:-1])
    texts = [row.removesuffix("\x1b[K") for row in rows]
    assert max(map(len, texts)) < columns
    words = "   ".join(texts)
    assert all(part in words for part in ("x 0 µm", "saturated", "arrows: stage", "q: quit"))


def test_help_lists_the_keys_one_below_the_other(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = capsys.readouterr().out
    assert "keys:\n  arrows: stage\n  + -: focus\n" in printed
    assert "\n  q: quit\n" in printed


def test_keys_stop_at_the_limits():
    shot = Shot()
    for _ in range(200):
        shot = press(press(press(shot, "left"), "+"), "e")
    assert (shot.x, shot.focus, shot.exposure) == (-1000, 50, 0.1)


def test_pictures_keep_their_shape():
    ramp = np.linspace(0, 65535, 100 * 90).reshape(100, 90).astype(np.uint16)
    rows = shades(ramp, 20, 10).split("\n")
    assert [len(row) for row in rows] == [20] * 10
    assert rows[0].strip() == ""
    assert set(rows[-1]) == {"@"}
    assert blocks(ramp, 20, 10).count("▀") == 200


def test_a_flat_picture_is_dark():
    assert shades(np.full((8, 8), 100, np.uint16), 4, 4).split() == []


def test_the_summary_counts_saturated_pixels():
    frame = np.zeros((10, 10), np.uint8)
    frame[0] = 255
    assert "saturated 10.0%" in summary(Shot(), frame)
