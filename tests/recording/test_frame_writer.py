import json
import os
import signal
import subprocess
import sys
import threading
from itertools import islice

import numpy as np
import ome_types
import ome_zarr_models
import pytest
import tifffile
import zarr
from numbered_frames import described, picture

from napari_skylight.recording import (
    FileSettings,
    FrameWriter,
    ImageInfo,
    LibraryMissingError,
    open_images,
)
from napari_skylight.testing import wait_until

ALL = [
    FileSettings(),
    FileSettings(compression="zstd"),
    FileSettings(backend="tensorstore"),
    FileSettings("ome-tiff"),
    FileSettings("ome-tiff", compression="zstd"),
]
BOTH = [FileSettings(), FileSettings("ome-tiff")]


def by_name(settings):
    return "-".join(filter(None, (settings.format, settings.backend, settings.compression)))


def write(path, settings, *, count=7, length=None, shape=(48, 64), dtype=np.uint16, **info):
    """Write frames out of one buffer, which is reused; return the frames."""
    about = ImageInfo.of_frame(described(1), count=length, **info)
    buffer = np.empty(shape, dtype)
    with FrameWriter(path, about, shape, dtype, settings) as writer:
        for number in range(1, count + 1):
            buffer[...] = picture(number, shape, dtype)
            assert writer.append(buffer, described(number)) == number
            buffer[...] = 0
    return np.stack([picture(number, shape, dtype) for number in range(1, count + 1)])


def pixels_in(path, settings, *, colour=False):
    """Return the frames as zarr-python or tifffile read them."""
    if settings.format == "ome-tiff":
        return tifffile.imread(path)
    pixels = zarr.open_group(path, mode="r")["0"][:]
    return np.moveaxis(pixels, 1, -1) if colour else pixels


@pytest.mark.parametrize("settings", ALL, ids=by_name)
@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((48, 64), "uint8"), ((300, 200), "uint16"), ((48, 64), "float32"), ((30, 40, 3), "uint8")],
)
@pytest.mark.parametrize("length", [None, 7, 20])
def test_every_frame_is_in_the_file_once_and_in_order(folder, settings, shape, dtype, length):
    path = folder / f"frames{settings.suffix}"
    written = write(path, settings, length=length, shape=shape, dtype=dtype)
    read = pixels_in(path, settings, colour=len(shape) > 2)
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, written)
    assert [each.name for each in folder.iterdir()] == [path.name]


@pytest.mark.parametrize("settings", BOTH, ids=by_name)
@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "float64", ">u2", "float16"])
def test_types_that_a_format_lacks_become_wider_ones(folder, settings, dtype):
    path = folder / f"frames{settings.suffix}"
    written = write(path, settings, count=2, dtype=np.dtype(dtype))
    np.testing.assert_array_equal(pixels_in(path, settings), written)


def test_64_bit_integers_are_refused_by_tiff_and_written_to_zarr(folder):
    with pytest.raises(ValueError, match=r"OME-TIFF has no int64 pixels. Choose OME-Zarr"):
        write(folder / "wide.ome.tif", FileSettings("ome-tiff"), dtype=np.int64)
    assert not any(folder.glob("*"))
    written = write(folder / "wide.ome.zarr", FileSettings(), dtype=np.int64)
    np.testing.assert_array_equal(pixels_in(folder / "wide.ome.zarr", FileSettings()), written)


@pytest.mark.parametrize("length", [None, 7])
@pytest.mark.parametrize(("shape", "axes"), [((48, 64), "tyx"), ((48, 64, 3), "tcyx")])
def test_zarr_says_what_the_standard_has_a_place_for(folder, length, shape, axes):
    path = folder / "cells.ome.zarr"
    write(
        path,
        FileSettings(),
        length=length,
        shape=shape,
        dtype=np.uint8,
        name="cells",
        colormap="green",
        contrast_limits=(5, 90),
        run="the-uid",
    )
    image = ome_zarr_models.open_ome_zarr(zarr.open_group(path, mode="r"))
    attributes = image.ome_attributes
    scales = attributes.multiscales[0]
    assert "".join(axis.name for axis in scales.axes) == axes
    assert [axis.unit for axis in scales.axes if axis.name != "c"] == [
        "second",
        "micrometer",
        "micrometer",
    ]
    scale, translation = scales.datasets[0].coordinateTransformations
    assert scale.scale[0] == pytest.approx(0.1)
    assert scale.scale[-2:] == [0.5, 0.5]
    assert translation.translation[-2:] == [200, 100]
    assert scales.name == "cells"
    stored = zarr.open_group(path, mode="r").attrs
    channels = stored["ome"]["omero"]["channels"]
    if len(shape) == 2:
        (channel,) = channels
        assert (channel["label"], channel["color"]) == ("cells", "00FF00")
        assert (channel["window"]["start"], channel["window"]["end"]) == (5, 90)
    else:
        assert [channel["color"] for channel in channels] == ["FF0000", "00FF00", "0000FF"]
    own = stored["napari_skylight"]
    assert own["runs"] == ["the-uid"]
    assert own["metadata"]["light-on"] is True


@pytest.mark.parametrize("length", [None, 7])
@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 3)])
def test_tiff_says_what_ome_xml_has_a_place_for(folder, length, shape):
    path = folder / "cells.ome.tif"
    write(
        path,
        FileSettings("ome-tiff"),
        length=length,
        shape=shape,
        dtype=np.uint8,
        name="Zellgröße",
        colormap="red",
        run="the-uid",
    )
    with tifffile.TiffFile(path) as file:
        assert file.series[0].axes == "TYXS"[: 2 + len(shape) - 1]
        assert file.series[0].shape == (7, *shape)
        for page in file.pages:  # what ImageJ reads without OME-XML
            tags = page.aspage().tags
            assert tags["ResolutionUnit"].value == tifffile.RESUNIT.CENTIMETER
            assert tags["XResolution"].value == (20_000, 1)
        xml = file.ome_metadata
    ome = ome_types.from_xml(xml, validate=True)
    image = ome.images[0]
    assert image.name == "Zellgröße"
    assert (image.pixels.physical_size_x, image.pixels.physical_size_y) == (0.5, 0.5)
    assert image.pixels.physical_size_x_unit.value == "µm"
    assert image.pixels.time_increment == pytest.approx(0.1)
    planes = image.pixels.planes
    assert [plane.delta_t for plane in planes] == pytest.approx(
        [n / 10 for n in range(7)], abs=1e-5
    )
    assert {plane.exposure_time for plane in planes} == {0.02}
    assert {(plane.position_x, plane.position_y) for plane in planes} == {(100, 200)}
    if len(shape) == 2:
        assert image.pixels.channels[0].color.as_hex() == "#f00"
    (annotation,) = ome.structured_annotations.map_annotations
    values = {
        entry.k: json.loads(entry.value) for entry in annotation.value.ms if entry.k != "frames"
    }
    assert values["runs"] == ["the-uid"]


@pytest.mark.parametrize("settings", ALL, ids=by_name)
def test_signals_of_each_frame_are_read_back(folder, settings):
    path = folder / f"frames{settings.suffix}"
    frames = [described(1), described(2, **{"stage-x": 7.5}), described(3, note="ä\n")]
    frames += [described(5, **{"stage-x": float("inf")})]
    with FrameWriter(path, ImageInfo.of_frame(frames[0]), (48, 64), np.uint16, settings) as writer:
        for frame in frames:
            writer.append(picture(frame.number), frame)
        (image,) = open_images(path)  # while it is being written
        assert list(image.frames) == frames
        assert image.levels[0].shape == (4, 48, 64)
    (image,) = open_images(path)
    assert list(image.frames) == frames


_KILLED = """
import sys
from numbered_frames import described, picture
from napari_skylight.recording import FileSettings, FrameWriter, ImageInfo
path, kind, backend = sys.argv[1:]
info = ImageInfo.of_frame(described(1))
writer = FrameWriter(path, info, (48, 64), "uint16", FileSettings(kind, backend))
number = 0
while True:
    number += 1
    writer.append(picture(number), described(number))
    print(number, flush=True)
"""


@pytest.mark.parametrize("settings", BOTH, ids=by_name)
def test_a_killed_process_leaves_every_frame_that_was_appended(folder, settings):
    path = folder / f"frames{settings.suffix}"
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, path, settings.format, settings.backend],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    deadline = threading.Timer(60, process.kill)
    deadline.start()
    try:
        assert process.stdout is not None
        lines = list(islice(process.stdout, 40))
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    finally:
        deadline.cancel()
        process.kill()
        process.wait(10)
    appended = int(lines[-1])
    assert appended >= 40
    (image,) = open_images(path)
    pixels = image.levels[0][:appended]
    assert len(pixels) == appended
    np.testing.assert_array_equal(pixels, [picture(n) for n in range(1, appended + 1)])
    assert [frame.number for frame in image.frames][:appended] == list(range(1, appended + 1))
    assert image.frames[-1].metadata == described(1).metadata
    assert image.name == "camera"


@pytest.mark.parametrize("settings", BOTH, ids=by_name)
def test_what_exists_is_never_overwritten(folder, settings):
    path = folder / f"frames{settings.suffix}"
    written = write(path, settings)
    with pytest.raises(FileExistsError, match="Choose another name: nothing is overwritten"):
        write(path, settings, count=1)
    np.testing.assert_array_equal(pixels_in(path, settings), written)


def test_a_folder_of_other_files_is_never_overwritten(folder):
    path = folder / "mine.ome.zarr"
    path.mkdir(parents=True)
    (path / "thesis.txt").write_text("all of it")
    with pytest.raises(FileExistsError):
        write(path, FileSettings())
    assert (path / "thesis.txt").read_text() == "all of it"


@pytest.mark.parametrize("settings", BOTH, ids=by_name)
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    folder, settings, monkeypatch
):
    missing = "ome_writers" if settings.format == "ome-zarr" else "tifffile"
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(LibraryMissingError, match=r'pip install "napari-skylight\[record\]"'):
        write(folder / f"frames{settings.suffix}", settings)
    assert not any(folder.glob("*"))


@pytest.mark.parametrize("settings", BOTH, ids=by_name)
def test_a_frame_of_another_shape_or_type_is_refused_and_the_rest_go_on(folder, settings):
    path = folder / f"frames{settings.suffix}"
    info = ImageInfo.of_frame(described(1))
    with FrameWriter(path, info, (48, 64), np.uint16, settings) as writer:
        writer.append(picture(1), described(1))
        for wrong in (picture(2, (48, 60)), picture(2, dtype=np.float32)):
            with pytest.raises(ValueError, match=r"has frames of \(48, 64\), uint16, not of"):
                writer.append(wrong, described(2))
        writer.append(picture(3), described(3))
    np.testing.assert_array_equal(pixels_in(path, settings), [picture(1), picture(3)])


@pytest.mark.parametrize("settings", ALL, ids=by_name)
def test_a_file_without_frames_can_be_closed_and_discarded(folder, settings):
    path = folder / f"frames{settings.suffix}"
    writer = FrameWriter(path, ImageInfo(name="none"), (48, 64), np.uint16, settings)
    writer.discard()
    assert not any(folder.iterdir())


@pytest.mark.parametrize("name", ["frames", "frames.ome.tif", "frames.zip"])
def test_a_name_with_the_suffix_of_another_format_is_refused(folder, name):
    with pytest.raises(ValueError, match=r"ends with .*\.ome\.zarr"):
        FrameWriter(folder / name, ImageInfo(name="x"), (48, 64), np.uint16, FileSettings())


def test_tensorstore_keeps_few_frames_in_memory(folder):
    info = ImageInfo.of_frame(described(1))
    settings = FileSettings(backend="tensorstore")
    with FrameWriter(folder / "a.ome.zarr", info, (48, 64), np.uint16, settings) as writer:
        for number in range(1, 101):
            writer.append(picture(number), described(number))
        on_disk = zarr.open_array(folder / "a.ome.zarr" / "0", mode="r")
        assert on_disk.shape[0] == 100
        np.testing.assert_array_equal(on_disk[:96], [picture(n) for n in range(1, 97)])
    wait_until(lambda: (on_disk[99] == picture(100)).all())
