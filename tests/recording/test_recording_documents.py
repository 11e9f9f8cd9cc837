"""The documents of recordings, read as Tiled reads them, from paths with spaces and umlauts."""

from types import SimpleNamespace

import numpy as np
import pytest
from bluesky_tiled_plugins.writing.consolidators import consolidator_factory
from tiled.adapters.zarr import ZarrAdapter
from tiled.structures.core import StructureFamily

from napari_skylight.frames import FileFrames


@pytest.fixture(params=["ome-zarr", "ome-tiff"])
def recorded(request, session, streaming, documents, files):
    """The documents of a recording of 30 frames, and their number of data points."""
    values = {"cameras": ["fast"], "frames": 30, "format": request.param}
    session.start("record", values).result(timeout=20)
    return documents, 30 if request.param == "ome-zarr" else 1


def test_a_consolidator_opens_them(recorded):
    documents, points = recorded
    (descriptor,), (resource,) = documents.named("descriptor"), documents.named("stream_resource")
    consolidator = consolidator_factory(resource, descriptor)
    for datum in documents.named("stream_datum"):
        consolidator.consume_stream_datum(datum)
    if resource["mimetype"] == "application/x-zarr":
        # init_adapter leaves out the family, which a node of Tiled's catalogue has
        node = SimpleNamespace(metadata_={}, specs=[], structure_family=StructureFamily.array)
        adapter = ZarrAdapter.from_catalog(consolidator.get_data_source(), node)
    else:
        adapter = consolidator.init_adapter()
    pixels = np.asarray(adapter.read())
    assert pixels.shape == adapter.structure().shape
    assert len(pixels) == points
    frames = pixels.reshape(30, 16, 24)
    assert frames.dtype == np.uint16
    assert frames[:, 0, 0].tolist() == [*range(1, 31)]
    assert np.array_equal(frames.min((1, 2)), frames.max((1, 2)))


def test_the_images_of_the_run_can_be_brought_back(recorded):
    documents, points = recorded
    (descriptor,), (resource,) = documents.named("descriptor"), documents.named("stream_resource")
    frames = FileFrames(resource, descriptor["data_keys"]["fast"], 0, points)
    assert frames.shape == (30, 16, 24)
    assert np.asarray(frames)[:, 3, 5].tolist() == [*range(1, 31)]


def test_the_descriptor_has_what_was_read_with_the_first_frame(recorded):
    documents, _ = recorded
    (descriptor,) = documents.named("descriptor")
    configuration = descriptor["configuration"]["fast-recorder"]
    assert configuration["data"]["fast-pixel_size"] == 0.5
    assert configuration["data_keys"]["fast-pixel_size"]["dtype"] == "number"
