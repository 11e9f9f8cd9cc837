"""Images of plans that stash nothing, as the live caches show them."""

import asyncio
import logging
import sys
import threading
import time
from types import SimpleNamespace
from urllib.parse import urlsplit
from urllib.request import url2pathname

import bluesky
import h5py
import numpy as np
import pytest
import tifffile
import zarr
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from bluesky.protocols import Readable
from bluesky.utils import FailedStatus, MsgGenerator
from event_model import compose_run
from ophyd.sim import hw
from ophyd_async.core import (
    StandardDetector,
    StaticPathProvider,
    TriggerInfo,
    UUIDFilenameProvider,
    soft_signal_r_and_setter,
)
from ophyd_async.sim import PatternGenerator, SimBlobDetector

from napari_skylight import Session
from napari_skylight.engine import Status
from napari_skylight.frames import _files
from napari_skylight.session import _document_notes
from napari_skylight.testing import Documents, FakeCamera, wait_until


@pytest.fixture
def session():
    with Session() as session:
        yield session


@pytest.fixture
def pattern():
    return PatternGenerator()


@pytest.fixture
def detector(session, tmp_path, pattern):
    provider = StaticPathProvider(UUIDFilenameProvider(), tmp_path)
    detector = SimBlobDetector(provider, pattern, name="blob")
    session.add_device(detector).result(timeout=10)
    return detector


class Shown:
    """What a session shows of a data key."""

    def __init__(self, session, device, key=None):
        self.cache = session.caches.live(SimpleNamespace(name=device))
        self.key = key or device
        self.taken = None

    def __call__(self):
        """Return the newest frame; None before the first."""
        if self.key in self.cache.keys:
            self.taken = self.cache.reader().take(self.key) or self.taken
        return self.taken

    def wait_for(self, condition):
        wait_until(lambda: self() is not None and condition(self.taken))
        return self.taken


def wait_for_value(shown, value):
    return shown.wait_for(lambda taken: (taken.data == value).all())


def test_count_shows_the_newest_frame_and_counts_all(session):
    camera = FakeCamera()
    session.add_device(camera).result(timeout=5)
    session.start("count", {"detectors": [camera.name], "num": 5}).result(timeout=10)
    taken = wait_for_value(Shown(session, "camera"), 5)
    assert taken.data.shape == (16, 24)
    assert taken.frame.metadata["camera-pixel_size"] == 0.5
    assert session.caches.live(camera).counts.acquired == 5
    assert session.runs[0].acquired == 5


def test_a_scan_shows_frames_with_the_positions_of_the_scan(session):
    camera, motor = FakeCamera(), hw().motor
    session.engine(bp.scan([camera], motor, 10, 30, 3)).result(timeout=10)
    taken = wait_for_value(Shown(session, "camera"), 3)
    assert taken.frame.metadata["motor"] == 30


def test_every_image_of_a_device_is_shown_and_other_arrays_are_not(session):
    class Camera(FakeCamera):
        def read(self):
            reading = super().read()
            frame = reading["camera"]["value"]
            when = reading["camera"]["timestamp"]
            inverse = {"value": 1000 - frame[:4, :4], "timestamp": when}
            spectrum = {"value": np.arange(5000.0), "timestamp": when}
            return reading | {"camera-inverse": inverse, "camera-spectrum": spectrum}

        def describe(self):
            inverse = {"source": "fake", "dtype": "array", "shape": [4, 4]}
            spectrum = {"source": "fake", "dtype": "array", "shape": [5000]}
            return super().describe() | {"camera-inverse": inverse, "camera-spectrum": spectrum}

    session.engine(bp.count([Camera()], 3)).result(timeout=10)
    assert wait_for_value(Shown(session, "camera"), 3).data.shape == (16, 24)
    inverse = wait_for_value(Shown(session, "camera", "camera-inverse"), 997)
    assert "camera-spectrum" not in inverse.frame.metadata
    (cache,) = session.caches
    assert set(cache.keys) == {"camera", "camera-inverse"}


def test_of_several_frames_in_an_event_the_last_is_shown(session):
    camera = FakeCamera(shape=(3, 16, 24))
    camera.transform = lambda frame: frame + np.arange(3, dtype=frame.dtype)[:, None, None]
    session.engine(bp.count([camera], 2)).result(timeout=10)
    assert wait_for_value(Shown(session, "camera"), 4).data.shape == (16, 24)


@pytest.mark.parametrize("plan", ["snap", "live_view"])
def test_frames_that_a_plan_stashes_are_not_shown_a_second_time(session, plan):
    camera = FakeCamera()
    session.add_device(camera).result(timeout=5)
    run = session.start(plan)
    if plan == "live_view":
        wait_until(lambda: session.request("snapshot"))
        wait_until(lambda: session.caches.stack(camera).counts.kept == 1)
        session.stop()
    wait_until(run.done)
    (event,) = (each for each in session.runs[0].documents[0].events.values())
    assert event == 1
    live, stack = session.caches.live(camera), session.caches.stack(camera)
    assert stack.counts.acquired == 1
    assert live.counts.acquired < camera.frames
    assert Shown(session, "camera")() is None or plan == "live_view"
    session.start("count").result(timeout=10)  # which stashes none
    wait_for_value(Shown(session, "camera"), camera.frames)


def test_the_file_of_a_recording_is_not_read_back_to_show_it(session, tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(_document_notes, "read_newest", lambda *args: read.append(args))
    camera = FakeCamera(seconds=0.002)
    session.add_device(camera).result(timeout=5)
    values = {"cameras": ["camera"], "frames": 20, "folder": tmp_path}
    session.start("record", values).result(timeout=20)
    assert session.runs[0].documents[0].events == {"recording-camera": 20}
    assert read == []
    assert session.caches.live(camera).counts.acquired == 20


def test_images_in_lists_and_pages_are_shown(session):
    documents = Source(session)
    keys = {"camera": {"source": "x", "dtype": "array", "shape": [2, 3]}}
    event = documents.declare(keys)
    page = documents.stream.compose_event_page(
        data={"camera": [np.zeros((2, 3)), np.full((2, 3), 5.0)]},
        timestamps={"camera": [1.0, 2.0]},
        seq_num=[1, 2],
    )
    documents.send("event_page", page)
    shown = Shown(session, "camera")
    assert wait_for_value(shown, 5).frame.timestamp == 2.0
    documents.send(
        "event", event(data={"camera": [[7, 7, 7], [7, 7, 7]]}, timestamps={"camera": 3.0})
    )
    wait_for_value(shown, 7)
    assert shown.cache.counts.acquired == 3


class Source:
    """An engine that is not ours, reduced to its documents."""

    def __init__(self, session):
        self.subscribers = {}
        self.undo = session.follow(self)
        self.run = compose_run()
        self.send("start", self.run.start_doc)

    def subscribe(self, subscriber):
        self.subscribers[len(self.subscribers)] = subscriber
        return len(self.subscribers) - 1

    def unsubscribe(self, token):
        del self.subscribers[token]

    def send(self, name, document):
        for subscriber in self.subscribers.values():
            subscriber(name, document)

    def declare(self, keys):
        """Send a descriptor of a device, and return what composes its events."""
        objects = {"camera": list(keys)}
        self.stream = self.run.compose_descriptor(
            name="primary", data_keys=keys, object_keys=objects
        )
        self.send("descriptor", self.stream.descriptor_doc)
        return self.stream.compose_event

    def declare_files(self, uri, mimetype, shape, **parameters):
        """Send the documents of a detector that writes files."""
        key = {"source": "x", "dtype": "array", "shape": shape, "dtype_numpy": "<u2"}
        self.declare({"camera": {**key, "external": "STREAM:"}})
        self.files = self.run.compose_stream_resource(
            data_key="camera", uri=uri, mimetype=mimetype, parameters=parameters
        )
        self.send("stream_resource", self.files.stream_resource_doc)

    def announce(self, start, stop):
        """Send the stream datum of what was written."""
        datum = self.files.compose_stream_datum(
            indices={"start": start, "stop": stop},
            seq_nums={"start": start + 1, "stop": stop + 1},
            descriptor=self.stream.descriptor_doc,
        )
        self.send("stream_datum", datum)


def frame(value):
    return np.full((16, 24), value, np.uint16)


class Tiff:
    mimetype = "multipart/related;type=image/tiff"
    parameters = {"template": "frame {:05d}.tif", "chunk_shape": (1, 16, 24)}

    def __init__(self, folder):
        self.folder, self.uri = folder, f"{folder.as_uri()}/"

    def append(self, number, value):
        tifffile.imwrite(self.folder / f"frame {number:05d}.tif", frame(value))


class Zarr:
    mimetype = "application/x-zarr"
    parameters = {"chunk_shape": (1, 16, 24)}

    def __init__(self, folder):
        self.uri = (folder / "a.zarr").as_uri()
        self.array = zarr.create_array(
            folder / "a.zarr", shape=(0, 16, 24), chunks=(1, 16, 24), dtype="<u2"
        )

    def append(self, number, value):
        self.array.append(frame(value)[None])


class OmeZarr(Zarr):
    mimetype = "application/x-ome-zarr"

    def __init__(self, folder):
        group = zarr.create_group(folder / "a.zarr")
        axes = [{"name": "t", "type": "time"}, *({"name": each, "type": "space"} for each in "yx")]
        scale = [{"type": "scale", "scale": [1.0, 1.0, 1.0]}]
        datasets = [{"path": "0", "coordinateTransformations": scale}]
        image = {"axes": axes, "datasets": datasets}
        group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}
        self.uri = (folder / "a.zarr").as_uri()
        self.array = group.create_array("0", shape=(0, 16, 24), chunks=(1, 16, 24), dtype="<u2")


class Hdf5:
    mimetype = "application/x-hdf5"
    parameters = {"dataset": "/entry/data", "chunk_shape": (1, 16, 24)}

    def __init__(self, folder):
        self.uri = (folder / "a.h5").as_uri()
        self.file = h5py.File(folder / "a.h5", "w", libver="latest")
        shape = {"shape": (0, 16, 24), "maxshape": (None, 16, 24), "chunks": (1, 16, 24)}
        self.data = self.file.create_dataset("/entry/data", dtype="<u2", **shape)
        self.file.swmr_mode = True

    def append(self, number, value):
        self.data.resize(number + 1, 0)
        self.data[number] = frame(value)
        self.data.flush()


FORMATS = pytest.mark.parametrize("kind", [Hdf5, Tiff, Zarr, OmeZarr])


@FORMATS
@pytest.mark.parametrize("shape", [[1, 16, 24], [16, 24]])
def test_files_are_shown_while_they_are_written(session, tmp_path, kind, shape):
    files, documents = kind(tmp_path), Source(session)
    documents.declare_files(files.uri, files.mimetype, shape, **files.parameters)
    shown = Shown(session, "camera")
    for number in range(3):
        files.append(number, 10 + number)
        documents.announce(number, number + 1)
        wait_for_value(shown, 10 + number)
    for number in range(3, 6):  # the file is ahead of the documents
        files.append(number, 10 + number)
    documents.announce(3, 5)
    wait_for_value(shown, 14)
    assert shown.cache.counts.acquired == 5


def test_the_last_of_several_frames_of_an_event_in_a_file_is_shown(session, tmp_path):
    files, documents = Hdf5(tmp_path), Source(session)
    documents.declare_files(files.uri, files.mimetype, [2, 16, 24], **files.parameters)
    for number in range(6):
        files.append(number, number)
    documents.announce(0, 2)
    wait_for_value(Shown(session, "camera"), 3)


@FORMATS
def test_a_late_file_is_shown_when_it_is_there(session, tmp_path, caplog, kind):
    files, documents = kind(tmp_path), Source(session)
    documents.declare_files(files.uri, files.mimetype, [1, 16, 24], **files.parameters)
    files.append(0, 1)
    documents.announce(0, 2)
    wait_until(lambda: warnings(caplog))
    files.append(1, 2)  # no document follows
    wait_for_value(Shown(session, "camera"), 2)
    assert len(warnings(caplog)) == 1


def warnings(caplog):
    return [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]


def test_broken_files_are_reported_once_a_run_and_later_images_shown(session, tmp_path, caplog):
    files, documents = Tiff(tmp_path), Source(session)
    documents.declare_files(files.uri, files.mimetype, [1, 16, 24], **files.parameters)
    documents.announce(0, 1)  # no file
    wait_until(lambda: warnings(caplog))
    files.append(1, 1)
    path = tmp_path / "frame 00001.tif"
    path.write_bytes(path.read_bytes()[:-100])
    documents.announce(1, 2)
    files.append(2, 3)
    documents.announce(2, 3)
    shown = Shown(session, "camera")
    wait_for_value(shown, 3)
    (line,) = warnings(caplog)
    assert line.startswith("The images 'camera' cannot be shown: ")
    assert "No such file" in line
    assert shown.cache.counts.acquired == 3


@pytest.mark.posix
def test_a_locked_file_is_shown_when_it_is_free(session, tmp_path, caplog):
    import fcntl

    files, documents = Hdf5(tmp_path), Source(session)
    documents.declare_files(files.uri, files.mimetype, [1, 16, 24], **files.parameters)
    files.append(0, 5)
    files.file.close()
    with open(tmp_path / "a.h5", "rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        documents.announce(0, 1)
        wait_until(lambda: warnings(caplog))
    wait_for_value(Shown(session, "camera"), 5)
    assert "unable to lock file" in warnings(caplog)[0]


def test_without_the_packages_that_read_files_the_log_says_what_to_install(
    session, tmp_path, caplog, monkeypatch
):
    monkeypatch.setitem(sys.modules, "tiled.ndslice", None)
    monkeypatch.setattr(_files, "_tools", _files._tools.__wrapped__)
    files, documents = Tiff(tmp_path), Source(session)
    documents.declare_files(files.uri, files.mimetype, [1, 16, 24], **files.parameters)
    for number in range(3):
        files.append(number, 1)
        documents.announce(number, number + 1)
        wait_until(lambda: warnings(caplog))
    assert [line for line in warnings(caplog) if 'pip install "napari-skylight[files]"' in line]
    assert len(warnings(caplog)) == 1


def test_files_of_an_unknown_kind_are_reported(session, tmp_path, caplog):
    documents = Source(session)
    documents.declare_files((tmp_path / "a.mrc").as_uri(), "image/mrc", [16, 24])
    documents.announce(0, 1)
    wait_until(lambda: warnings(caplog))
    assert warnings(caplog) == [
        "The images 'camera' cannot be shown: nothing can read images of the type image/mrc"
    ]


def test_files_with_a_handler_of_databroker_are_shown(session, tmp_path):
    session.engine(bp.count([hw(save_path=tmp_path).img], 2)).result(timeout=10)
    wait_for_value(Shown(session, "img"), 1)


def test_a_file_without_a_handler_is_reported(session, tmp_path, caplog):
    img = hw(save_path=tmp_path).img
    img.spec = "MY_FILES"
    img._spec = "MY_FILES"
    session.engine(bp.count([img], 2)).result(timeout=10)
    wait_until(lambda: warnings(caplog))
    assert "No handler for files of the kind MY_FILES" in warnings(caplog)[0]


@pytest.mark.parametrize("by_name", [True, False])
def test_the_files_of_an_ophyd_async_detector_are_shown(session, detector, pattern, by_name):
    documents = Documents()
    session.engine.subscribe(documents)
    pattern.set_x(1.0)
    if by_name:
        run = session.start("count", {"detectors": ["blob"], "num": 2})
    else:
        run = session.engine(bp.count([detector], 2))
    run.result(timeout=20)
    images = in_file(documents)
    assert len(images) == 2
    assert images[-1].any()
    wait_for_value(Shown(session, "blob"), images[-1])
    assert [each["indices"]["stop"] for each in documents.named("stream_datum")] == [1, 1, 2, 2]
    assert documents.events("primary")[0]["data"] == {}


def in_file(documents):
    """Return the images that documents announce."""
    (resource,) = (
        each for each in documents.named("stream_resource") if each["data_key"] == "blob"
    )
    last = [
        each["indices"]
        for each in documents.named("stream_datum")
        if each["stream_resource"] == resource["uid"]
    ]
    path = url2pathname(urlsplit(resource["uri"]).path)
    with h5py.File(path, "r", libver="latest", swmr=True) as file:
        data = file[resource["parameters"]["dataset"]]
        return [data[place] for each in last for place in range(each["start"], each["stop"])]


def test_a_plan_over_cameras_gets_the_frames_of_a_detector(session, detector, pattern):
    assert session.spec("live_view").parameters[0].choices == ["blob"]
    documents = Documents()
    session.engine.subscribe(documents)
    session.start("snap", {"cameras": ["blob"], "frames": 3}).result(timeout=20)
    stack = session.caches.stack(detector).reader().take("blob")
    np.testing.assert_array_equal(stack.data, in_file(documents))
    assert stack.frames[0].metadata["blob-sum"] == stack.data[0].sum()
    assert session.caches.live(detector).counts.acquired == 0  # shown once
    assert session.devices["blob"] is detector


def test_live_view_shows_a_detector_and_its_snapshots_are_in_the_documents(
    session, detector, pattern
):
    documents = Documents()
    session.engine.subscribe(documents)
    run = session.start("live_view", {"cameras": ["blob"]})
    live = session.caches.live(detector)
    wait_until(lambda: live.counts.stashed >= 3)
    for taken in (1, 2):
        pattern.set_x(float(taken))
        session.request("snapshot")
        wait_until(lambda taken=taken: session.caches.stack(detector).counts.kept == taken)
    session.stop().result(timeout=10)
    wait_until(run.done)
    stack = session.caches.stack(detector).reader().take("blob")
    np.testing.assert_array_equal(stack.data, in_file(documents))
    assert len(documents.events("snapshots")) == 2


def test_a_plan_over_detectors_gets_the_detector_itself(session, detector):
    got = []

    def look(detector: StandardDetector, readable: Readable) -> MsgGenerator[None]:
        got.extend([detector, readable])
        yield from bps.null()

    session.add_plan(look)
    session.start("look", {"detector": "blob", "readable": "blob"}).result(timeout=10)
    assert got == [detector, detector]


def test_a_fly_scan_is_shown_while_it_runs(session, tmp_path):
    ready = asyncio.Semaphore(0)

    async def sleep(_seconds):
        await ready.acquire()

    pattern = PatternGenerator(sleep)
    provider = StaticPathProvider(UUIDFilenameProvider(), tmp_path)
    detector = SimBlobDetector(provider, pattern, name="blob")
    session.add_device(detector).result(timeout=10)
    documents = Documents()
    session.engine.subscribe(documents)

    def fly():
        yield from bps.stage_all(detector)
        yield from bps.open_run()
        yield from bps.prepare(detector, TriggerInfo(number_of_events=3), wait=True)
        yield from bps.declare_stream(detector, name="fly", collect=True)
        yield from bps.kickoff(detector, wait=True)
        yield from bps.collect_while_completing([detector], [detector], flush_period=0.05)
        yield from bps.close_run()
        yield from bps.unstage_all(detector)

    run = session.engine(fly())
    shown = Shown(session, "blob")
    for number in range(3):
        pattern.set_x(float(number))
        session.engine.loop.call_soon_threadsafe(ready.release)
        announced = 2 * (number + 1)
        wait_until(lambda n=announced: len(documents.named("stream_datum")) >= n)
        wait_for_value(shown, in_file(documents)[-1])
        assert run.done() is False or number == 2
    run.result(timeout=10)
    assert documents.named("stop")[0]["exit_status"] == "success"
    assert shown.cache.counts.acquired == 3


def test_the_preview_of_a_detector_is_preferred_while_it_is_up_to_date(session, tmp_path):
    class Detector(SimBlobDetector):
        def __init__(self, *args, **kwargs):
            self.preview, self.show = soft_signal_r_and_setter(np.ndarray, frame(1))
            super().__init__(*args, **kwargs)

    provider = StaticPathProvider(UUIDFilenameProvider(), tmp_path)
    detector = Detector(provider, name="blob")
    session.add_device(detector).result(timeout=10)
    shown = Shown(session, "blob")
    went_on = threading.Event()

    def plan():
        yield from bps.stage(detector, wait=True)
        yield from bps.open_run()
        yield from bps.trigger_and_read([detector])
        yield from bps.wait_for([lambda: asyncio.to_thread(went_on.wait, 10)])
        detector.show(frame(7))
        yield from bps.trigger_and_read([detector])
        yield from bps.close_run()
        yield from bps.unstage(detector)

    run = session.engine(plan())
    assert shown.wait_for(lambda _taken: True).data.shape == (240, 320)  # the preview is older
    went_on.set()
    assert wait_for_value(shown, 7).data.shape == (16, 24)
    run.result(timeout=10)


def test_the_images_of_a_plain_run_engine_are_shown_until_undone(session):
    engine = bluesky.RunEngine({})
    undo = session.follow(engine)
    engine(bp.count([FakeCamera()], 3))
    shown = Shown(session, "camera")
    wait_for_value(shown, 3)
    (record,) = session.runs
    assert (record.run.title, record.acquired, record.points) == ("Count", 3, 3)
    assert (record.run.exit_status, record.run.uids[0]) == (
        "success",
        record.documents[0].start["uid"],
    )
    assert record.run.values["num"] == "3"
    undo()
    engine(bp.count([FakeCamera()], 1))
    assert shown.cache.counts.acquired == 3
    assert len(session.runs) == 1


def test_runs_of_two_engines_are_listed_side_by_side(session):
    camera = FakeCamera()
    session.add_device(camera).result(timeout=5)
    engine = bluesky.RunEngine({})
    session.follow(engine)
    live = session.start("live_view")
    wait_until(lambda: session.caches.live(camera).counts.stashed > 0)
    with pytest.raises(FailedStatus):
        engine(bp.count([FakeCamera(name="other"), Failing()]))
    assert [each.run.title for each in session.runs] == ["Count", "Live view"]
    session.stop().result(timeout=10)
    wait_until(live.done)
    failed, viewed = session.runs
    assert (failed.run.exit_status, viewed.run.exit_status) == ("fail", "success")
    assert "the shutter is stuck" in failed.run.reason
    assert viewed.acquired >= 1
    assert viewed.python.startswith("session.start('live_view'")
    assert failed.python == ""


class Failing(FakeCamera):
    def trigger(self):
        status = Status()
        status.set_exception(OSError("the shutter is stuck"))
        return status


def test_a_detector_on_a_plain_run_engine_is_shown(session, tmp_path):
    engine = bluesky.RunEngine({})
    session.follow(engine)
    documents = Documents()
    engine.subscribe(documents)
    provider = StaticPathProvider(UUIDFilenameProvider(), tmp_path)
    detector = SimBlobDetector(provider, name="blob")
    asyncio.run_coroutine_threadsafe(connect(detector), engine.loop).result(timeout=10)
    engine(bp.count([detector], 2))
    wait_for_value(Shown(session, "blob"), in_file(documents)[-1])


async def connect(device):
    await device.connect()


def test_odd_documents_do_not_stop_a_plan(session, caplog):
    documents = Source(session)
    documents.send("descriptor", {"uid": "x"})
    documents.send("stream_datum", {"stream_resource": "unknown"})
    documents.declare({"camera": {"source": "x", "dtype": "array", "shape": [2, 3]}})
    uid = documents.stream.descriptor_doc["uid"]
    documents.send("event", {"descriptor": uid, "data": {"camera": [[1, 2], [3]]}})
    text = np.array([["a", "b"], ["c", "d"]])
    odd = {"descriptor": uid, "data": {"camera": text}, "timestamps": {"camera": 1.0}}
    documents.send("event", odd)
    wait_until(lambda: "only whole, real and true/false numbers" in caplog.text)
    camera = FakeCamera()
    session.engine(bp.count([camera], 1)).result(timeout=10)
    wait_for_value(Shown(session, "camera"), 1)


def threads():
    return [each.name for each in threading.enumerate() if each.name == "skylight-documents"]


def test_the_thread_starts_with_the_first_image_and_ends_with_the_session():
    before = len(threads())
    with Session() as session:
        assert len(threads()) == before
        session.engine(bp.count([FakeCamera()], 1)).result(timeout=10)
        wait_for_value(Shown(session, "camera"), 1)
        assert len(threads()) == before + 1
    wait_until(lambda: len(threads()) == before)
    with pytest.raises(RuntimeError, match="was closed"):
        session.follow(bluesky.RunEngine({}))


def test_a_session_closes_in_time_while_a_file_cannot_be_read(tmp_path, monkeypatch):
    blocked, released = threading.Event(), threading.Event()

    def hang(*_args):
        blocked.set()
        released.wait(30)

    monkeypatch.setattr(_document_notes, "read_newest", hang)
    session = Session()
    files, documents = Tiff(tmp_path), Source(session)
    documents.declare_files(files.uri, files.mimetype, [1, 16, 24], **files.parameters)
    documents.announce(0, 1)
    assert blocked.wait(10)
    began = time.monotonic()
    session.close()
    assert time.monotonic() - began < 5
    released.set()
    wait_until(lambda: not threads())
