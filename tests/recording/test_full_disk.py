"""Files on a disk that becomes full."""

from contextlib import suppress

import numpy as np
import pytest
import tifffile
from numbered_frames import described, picture

from napari_skylight.recording import FileSettings, FrameWriter, ImageInfo, open_images

pytestmark = pytest.mark.posix


class LimitedFiles:
    """A disk on which no file can become larger than this; needs no rights to mount one."""

    def __init__(self, nbytes):
        self.nbytes = nbytes

    def __enter__(self):
        import resource  # not on Windows

        self.before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.nbytes, self.before[1]))

    def __exit__(self, *_):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, self.before)


def append(writer, frames):
    for pixels in frames:
        writer.append(pixels, described(writer.written + 1))


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_a_tiff_on_a_full_disk_has_the_frames_before(folder, compression):
    path = folder / "frames.ome.tif"
    noise = np.random.default_rng(0).integers(0, 2**16, (40, 60, 80), dtype=np.uint16)
    settings = FileSettings("ome-tiff", compression=compression)
    writer = FrameWriter(path, ImageInfo.of_frame(described(1)), (60, 80), np.uint16, settings)
    with LimitedFiles(200_000):
        with pytest.raises(OSError, match=r"File too large|requested and \d+ written"):
            append(writer, noise)
        written = writer.written
        assert written > 10
        with suppress(OSError):  # there may be no room for what was read with the frames
            writer.close()
    assert writer.written == written
    with tifffile.TiffFile(path) as file:
        assert file.series[0].shape == (written, 60, 80)
        np.testing.assert_array_equal(file.asarray(), noise[:written])
    (image,) = open_images(path)
    assert image.levels[0].shape == (written, 60, 80)
    assert image.name == "camera"


@pytest.mark.parametrize("backend", ["zarr-python", "tensorstore"])
def test_a_zarr_on_a_full_disk_has_the_frames_before(folder, backend):
    path = folder / "frames.ome.zarr"
    noise = np.random.default_rng(0).integers(0, 2**16, (200, 300), dtype=np.uint16)
    small = [picture(number, (200, 300)) for number in range(1, 8)]
    settings = FileSettings(backend=backend, compression="zstd")
    info = ImageInfo.of_frame(described(1))
    writer = FrameWriter(path, info, (200, 300), np.uint16, settings)
    with LimitedFiles(60_000):
        append(writer, small)
        with pytest.raises(OSError, match="File too large"):
            append(writer, [noise] * 12)
        assert writer.written == 7
        with suppress(OSError):  # tensorstore raises again
            writer.close()
    assert writer.written == 7
    (image,) = open_images(path)
    np.testing.assert_array_equal(image.levels[0][:], small)
    assert [frame.number for frame in image.frames] == list(range(1, 8))
