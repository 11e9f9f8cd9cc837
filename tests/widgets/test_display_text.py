"""Times, sizes and counts on screen."""

import pytest

from napari_skylight.widgets._display_text import duration, frames, size


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0:00"), (0, "0:00"), (12.9, "0:12"), (754, "12:34"), (3600, "1:00:00")],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("nbytes", "words"),
    [
        (0, "0 kB"),
        (1500, "1.5 kB"),
        (24_000_000, "24 MB"),
        (6_291_456, "6.3 MB"),
        (999_900_000, "1 GB"),
        (2_000_000_000, "2 GB"),
        (12_345_000_000_000, "12345 GB"),
    ],
)
def test_sizes(nbytes, words):
    assert size(nbytes) == words


def test_frames():
    assert [frames(n) for n in (0, 1, 2)] == ["0 frames", "1 frame", "2 frames"]
