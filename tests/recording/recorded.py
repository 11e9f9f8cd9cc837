"""What is in the files of recordings, and how far they are."""

from pathlib import Path

import numpy as np

from napari_skylight.recording import RecordingState
from napari_skylight.testing import wait_until


def numbers_in(path: Path) -> list[int]:
    """Return the frame numbers in a file, read off the pixels, with its own library alone."""
    if path.suffix == ".zarr":
        import zarr

        pixels = np.asarray(zarr.open_group(path, mode="r")["0"])
    else:
        import tifffile

        pixels = tifffile.imread(path)
        pixels = pixels[np.newaxis] if pixels.ndim == 2 else pixels
    assert np.array_equal(pixels.min((1, 2)), pixels.max((1, 2))), "a torn frame"
    return [int(number) for number in pixels[:, 0, 0]]


def is_unbroken(numbers) -> bool:
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def count_in(documents, stream: str) -> int:
    """Return the number of frames in the documents of a stream, each once and in order."""
    (descriptor,) = [d for d in documents.named("descriptor") if d["name"] == stream]
    data = [d for d in documents.named("stream_datum") if d["descriptor"] == descriptor["uid"]]
    stop = 0
    for datum in data:
        assert datum["indices"]["start"] == stop
        stop = datum["indices"]["stop"]
        assert datum["seq_nums"] == {"start": datum["indices"]["start"] + 1, "stop": stop + 1}
    return stop


def last(session):
    return session.recordings.now[-1]


def wait_until_ended(session, timeout=10.0):
    now = lambda: session.recordings.now  # noqa: E731
    wait_until(lambda: now() and last(session).state is RecordingState.ENDED, timeout)
    return last(session)
