"""Layers saved with napari's File menu, and the layers that their files open as."""

import dask.array
import npe2
import numpy as np
import pytest
import tifffile
import zarr
from napari.components import ViewerModel
from napari.layers import Image

from napari_skylight.frames import FrameCache
from napari_skylight.plugin import _files
from napari_skylight.recording import FrameWriter, ImageInfo

SUFFIXES = (".ome.zarr", ".ome.tif")


@pytest.fixture
def viewer():
    npe2.PluginManager.instance().discover()
    return ViewerModel()


@pytest.fixture
def frames():
    """Three stashed frames, as a reader of their stack takes them."""
    stack = FrameCache("camera · snapshots", kind="stack", max_bytes=10**7)
    for number in range(3):
        values = {
            "camera": np.arange(1200, dtype=np.uint16).reshape(30, 40) + number,
            "camera-pixel_size": 0.5,
            "stage-x": 10.0 + number,
            "stage-y": 20.0,
        }
        stash = {key: {"value": each, "timestamp": 1e9 + number} for key, each in values.items()}
        assert stack.stash(stash).success
    return stack.reader().take("camera")


def stack_layer(frames, **settings):
    return Image(
        frames.data,
        name="camera · snapshots",
        scale=(1, 0.5, 0.5),
        translate=(0, 20, 10),
        units=("pixel", "um", "um"),
        metadata={"frames": frames.frames, "uids": ("the-uid",), **frames.frames[0].metadata},
        **{"colormap": "magenta", "contrast_limits": (3, 900)} | settings,
    )


def look_of(layer):
    return {
        "name": layer.name,
        "data": np.asarray(layer.data).tolist(),
        "dtype": layer.data.dtype,
        "scale": layer.scale.tolist(),
        "translate": layer.translate.tolist(),
        "units": [str(unit) for unit in layer.units],
        "colormap": layer.colormap.name,
        "contrast": list(layer.contrast_limits),
        "rgb": layer.rgb,
    }


def saved(viewer, path, *layers):
    viewer.layers.clear()
    viewer.layers.extend(layers)
    written = viewer.layers.save(path)
    viewer.layers.clear()
    return written


def opened(viewer, path):
    return viewer.open(path, plugin="napari-skylight")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_stack_opens_as_it_was(viewer, frames, tmp_path, suffix):
    path = tmp_path / "Übersicht 1" / f"cells{suffix}"
    before = look_of(stack_layer(frames))
    assert saved(viewer, path, stack_layer(frames)) == [str(path)]
    (layer,) = opened(viewer, path)
    assert look_of(layer) == before
    assert list(layer.metadata["frames"]) == list(frames.frames)
    assert layer.metadata["uids"] == ("the-uid",)
    assert layer.metadata["stage-x"] == 10


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "colormap",
    ["gray", "viridis", "bop orange", [[0, 0, 0, 1], [0.2, 0.4, 0.6, 1]]],
    ids=["gray", "viridis", "bop orange", "own"],
)
def test_colours_open_as_they_were(viewer, frames, tmp_path, suffix, colormap):
    layer = stack_layer(frames, colormap=colormap)
    end = layer.colormap.colors[-1].tolist()
    saved(viewer, tmp_path / f"cells{suffix}", layer)
    (again,) = opened(viewer, tmp_path / f"cells{suffix}")
    np.testing.assert_allclose(again.colormap.colors[-1], end, atol=1 / 255)
    if isinstance(colormap, str):
        assert again.colormap.name == colormap


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("shape", "units", "scale", "rgb"),
    [
        ((30, 40), ("um", "um"), (0.5, 0.25), False),
        ((30, 40), ("pixel", "pixel"), (1, 1), False),
        ((30, 40, 3), ("um", "um"), (2, 2), True),
        ((5, 30, 40), ("um", "um", "um"), (3, 0.5, 0.5), False),
        ((5, 30, 40, 3), ("pixel", "um", "um"), (1, 0.5, 0.5), True),
        ((2, 5, 30, 40), ("pixel", "um", "um", "um"), (1, 3, 0.5, 0.5), False),
    ],
)
def test_a_plain_image_opens_with_its_scale(viewer, tmp_path, suffix, shape, units, scale, rgb):
    pixels = np.random.default_rng(1).integers(0, 255, shape, dtype=np.uint8)
    layer = Image(pixels, rgb=rgb, scale=scale, units=units, name="mine", contrast_limits=(1, 99))
    before = look_of(layer)
    saved(viewer, tmp_path / f"mine{suffix}", layer)
    (again,) = opened(viewer, tmp_path / f"mine{suffix}")
    after = look_of(again)
    if rgb:  # drawn without
        del before["contrast"], after["contrast"], before["colormap"], after["colormap"]
    assert after == before


def test_other_lengths_are_saved_in_micrometres(viewer, tmp_path):
    path = tmp_path / "mm.ome.tif"
    saved(viewer, path, Image(np.zeros((8, 9), np.uint8), scale=(2, 3), units="millimeter"))
    (layer,) = opened(viewer, path)
    assert layer.scale.tolist() == [2000, 3000]
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_several_layers_are_saved_to_a_file_each(viewer, frames, tmp_path, suffix):
    others = Image(np.zeros((8, 9), np.uint8), name="B/2")
    written = saved(viewer, tmp_path / f"all{suffix}", stack_layer(frames), others)
    names = [f"all_camera_snapshots{suffix}", f"all_B_2{suffix}"]
    assert written == [str(tmp_path / name) for name in names]
    assert [opened(viewer, path)[0].name for path in written] == ["camera · snapshots", "B/2"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_name_that_exists_is_not_overwritten(viewer, frames, tmp_path, suffix):
    path = tmp_path / f"cells{suffix}"
    saved(viewer, path, stack_layer(frames))
    with pytest.raises(FileExistsError, match="Choose another name"):
        saved(viewer, path, Image(np.zeros((8, 9), np.uint8)))
    (layer,) = opened(viewer, path)
    assert layer.data.shape == (3, 30, 40)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_open_in_napari_without_the_plugin(viewer, frames, tmp_path, suffix):
    path = tmp_path / f"cells{suffix}"
    saved(viewer, path, stack_layer(frames))
    array = path / "0" if suffix == ".ome.zarr" else path
    ((pixels, *_),) = npe2.read([str(array)], stack=False, plugin_name="napari")
    np.testing.assert_array_equal(pixels, frames.data)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_opens_while_it_is_written(viewer, frames, tmp_path, suffix):
    path = tmp_path / f"live{suffix}"
    info = ImageInfo.of_frame(frames.frames[0], name="live", colormap="green", run="the-uid")
    with FrameWriter(path, info, (30, 40), np.uint16) as writer:
        for pixels, frame in zip(frames.data[:2], frames.frames, strict=False):
            writer.append(pixels, frame)
        (layer,) = opened(viewer, path)
        writer.append(frames.data[2], frames.frames[2])
    np.testing.assert_array_equal(layer.data, frames.data[:2])
    assert layer.name == "live"
    assert layer.colormap.name == "green"
    assert layer.scale.tolist() == [1, 0.5, 0.5]
    assert list(layer.metadata["frames"]) == list(frames.frames[:2])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("shape", [(4, 30, 40), (4, 30, 40, 3)])
def test_a_large_image_is_read_when_it_is_looked_at(viewer, tmp_path, monkeypatch, suffix, shape):
    pixels = np.random.default_rng(2).integers(0, 255, shape, dtype=np.uint8)
    rgb = len(shape) == 4
    saved(viewer, tmp_path / f"large{suffix}", Image(pixels, rgb=rgb))
    monkeypatch.setattr(_files, "_IN_MEMORY", 100)
    (layer,) = opened(viewer, tmp_path / f"large{suffix}")
    assert isinstance(layer.data, dask.array.Array)
    assert layer.data.shape == shape
    np.testing.assert_array_equal(np.asarray(layer.data[2]), pixels[2])
    np.testing.assert_array_equal(np.asarray(layer.data), pixels)


def test_a_folder_of_recordings_opens_as_a_layer_for_each(viewer, frames, tmp_path):
    zarr.open_group(tmp_path / "run.zarr", mode="w")
    for name in ("left", "right"):
        info = ImageInfo.of_frame(frames.frames[0], name=name)
        with FrameWriter(tmp_path / "run.zarr" / f"{name}.ome.zarr", info, (30, 40), "u2") as file:
            file.append(frames.data[0], frames.frames[0])
    layers = opened(viewer, tmp_path / "run.zarr")
    assert [layer.name for layer in layers] == ["left", "right"]


def test_channels_of_another_program_open_as_layers_in_their_colours(viewer, tmp_path):
    group = zarr.open_group(tmp_path / "other.ome.zarr", mode="w")
    axes = [{"name": "c", "type": "channel"}]
    axes += [{"name": name, "type": "space", "unit": "nanometer"} for name in "yx"]
    scale = {"type": "scale", "scale": [1, 100, 200]}
    levels = [{"path": "0", "coordinateTransformations": [scale]}]
    channels = [
        {"label": label, "color": colour, "window": {"min": 0, "max": 9, "start": 1, "end": end}}
        for label, colour, end in (("DAPI", "0000FF", 7), ("GFP", "00FF00", 8))
    ]
    group.attrs["ome"] = {
        "version": "0.5",
        "multiscales": [{"axes": axes, "datasets": levels}],
        "omero": {"channels": channels},
    }
    group.create_array("0", data=np.arange(24, dtype=np.uint16).reshape(2, 3, 4))
    first, second = opened(viewer, tmp_path / "other.ome.zarr")
    assert (first.name, second.name) == ("DAPI", "GFP")
    assert second.data.tolist() == np.arange(12, 24).reshape(3, 4).tolist()
    assert second.scale.tolist() == [100, 200]
    assert [str(unit) for unit in second.units] == ["nanometer", "nanometer"]
    assert second.colormap.colors[-1].tolist() == [0, 1, 0, 1]
    assert list(second.contrast_limits) == [1, 8]


def test_files_of_others_are_left_to_their_readers(tmp_path):
    tifffile.imwrite(tmp_path / "other.ome.tif", np.zeros((8, 9), np.uint8), ome=True)
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken.ome.tif").write_bytes(b"II*\0")
    for name in ("other.ome.tif", "folder", "broken.ome.tif"):
        assert _files.get_reader(str(tmp_path / name)) is None
