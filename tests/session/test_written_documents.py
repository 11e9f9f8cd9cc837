"""A live run as a subscriber that writes documents down gets it: whole, valid and small."""

import copy
import json

import event_model
import numpy as np
import pytest
from bluesky.callbacks.json_writer import JSONLinesWriter
from event_model import DocumentNames

from napari_skylight.devices import mmcore, sim
from napari_skylight.engine.documents import without_images
from napari_skylight.testing import Documents, FakeStreamingCamera, wait_until


def read_back(folder):
    """Return the documents in the only file in `folder`, each checked against its schema."""
    (path,) = folder.iterdir()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        event_model.schema_validators[DocumentNames[line["name"]]].validate(line["doc"])
    return path.stat().st_size, [(line["name"], line["doc"]) for line in lines]


def live_with_snapshots(session, documents, number):
    camera = session.devices["camera"]
    session.start("live_view")
    wait_until(lambda: session.caches.live(camera).counts.stashed > 20)
    session.request("stash", True)
    for turn in range(1, number + 1):
        session.request("snapshot")
        wait_until(lambda turn=turn: len(documents.events("snapshots")) == turn)
    session.stop().result(timeout=10)


def fake(session):
    session.add_device(FakeStreamingCamera()).result(timeout=5)


def simulated(session):
    session.open_microscope(sim.microscope).result(timeout=10)


def micro_manager(session):
    session.open_microscope(mmcore.microscope).result(timeout=20)


@pytest.mark.parametrize("devices", [fake, simulated, micro_manager])
def test_a_live_run_with_three_snapshots_is_written_whole_and_small(
    session, documents, tmp_path, devices
):
    devices(session)
    session.engine.subscribe(without_images(JSONLinesWriter(str(tmp_path))))
    live_with_snapshots(session, documents, 3)
    size, written = read_back(tmp_path)
    assert size < 30_000
    assert [name for name, _ in written] == ["start", "descriptor", *["event"] * 3, "stop"]
    (_, start), (_, descriptor), *events, (_, stop) = written
    assert stop["num_events"] == {"snapshots": 3}
    assert stop["exit_status"] == "success"
    assert descriptor["run_start"] == stop["run_start"] == start["uid"]
    assert "camera" not in descriptor["data_keys"]
    assert "camera-pixel_size" in descriptor["data_keys"]
    assert "camera" not in descriptor["object_keys"]["camera"]
    for _, event in events:
        assert set(event["data"]) == set(event["timestamps"]) == set(descriptor["data_keys"])
    times = [event["timestamps"]["camera-pixel_size"] for _, event in events]
    assert times == [each["timestamps"]["camera"] for each in documents.events("snapshots")]


def test_other_subscribers_keep_their_images(session, documents):
    fake(session)
    thinned = Documents()
    session.engine.subscribe(without_images(thinned))
    live_with_snapshots(session, documents, 1)
    (event,) = documents.events("snapshots")
    assert event["data"]["camera"].shape == (16, 24)
    assert "camera" in documents.named("descriptor")[0]["data_keys"]
    (thin,) = thinned.events("snapshots")
    assert "camera" not in thin["data"]
    assert thin["uid"] == event["uid"]


def compose():
    """Return documents of a run with an image, an image in a file, a line and a number."""
    run = event_model.compose_run()
    keys = {
        "image": {"source": "", "dtype": "array", "shape": [4, 5]},
        "filed": {"source": "", "dtype": "array", "shape": [4, 5], "external": "STREAM:"},
        "line": {"source": "", "dtype": "array", "shape": [4]},
        "number": {"source": "", "dtype": "number", "shape": []},
    }
    described = run.compose_descriptor(
        name="primary",
        data_keys=keys,
        object_keys={"camera": ["image", "filed"], "meter": ["line", "number"]},
        hints={"camera": {"fields": ["image"]}, "meter": {"fields": ["number"]}, "other": {}},
    )
    data = {"image": np.zeros((4, 5)), "line": [1, 2, 3, 4], "number": 5}
    times = dict.fromkeys(data, 1.0)
    event = described.compose_event(data=data, timestamps=times, validate=False)
    page = event_model.pack_event_page(event)
    stop = run.compose_stop()
    return run.start_doc, described.descriptor_doc, event, page, stop


def test_only_images_that_are_in_the_documents_are_left_out():
    start, descriptor, event, page, stop = compose()
    got = Documents()
    subscriber = without_images(got)
    before = copy.deepcopy(descriptor)
    for name, document in (
        ("start", start),
        ("descriptor", descriptor),
        ("event", event),
        ("event_page", page),
        ("stop", stop),
    ):
        subscriber(name, document)
    assert descriptor == before
    assert event["data"]["image"].shape == (4, 5)
    (thin,) = got.named("descriptor")
    assert set(thin["data_keys"]) == {"filed", "line", "number"}
    assert thin["object_keys"] == {"camera": ["filed"], "meter": ["line", "number"]}
    assert thin["hints"] == {
        "camera": {"fields": []},
        "meter": {"fields": ["number"]},
        "other": {},
    }
    assert got.named("event")[0]["data"] == {"line": [1, 2, 3, 4], "number": 5}
    assert got.named("event_page")[0]["data"] == {"line": [[1, 2, 3, 4]], "number": [5]}
    assert got.named("stop") == [stop]


@pytest.mark.parametrize("devices", [simulated, micro_manager])
def test_a_snapshot_after_the_binning_was_changed_is_described_as_it_is(
    session, documents, devices
):
    devices(session)
    camera = session.devices["camera"]
    live, stack = session.caches.live(camera), session.caches.stack(camera)
    session.start("live_view")
    for number, binning in enumerate((1, 2, 1), start=1):
        session.set("camera.binning", binning).result(timeout=5)
        wait_until(
            lambda binning=binning: (
                live.counts.kept
                and live.reader().take("camera").frame.metadata["camera-binning"] == binning
            )
        )
        session.request("clear")
        session.request("snapshot")
        wait_until(lambda number=number: len(documents.events("snapshots")) == number)
        assert stack.counts.kept == 1
    session.stop().result(timeout=10)
    descriptors = {each["uid"]: each for each in documents.named("descriptor")}
    assert len(descriptors) == 3
    for event in documents.events("snapshots"):
        described = descriptors[event["descriptor"]]["data_keys"]["camera"]
        assert tuple(described["shape"]) == event["data"]["camera"].shape
