"""Images that come back from the files of detectors, in a later session."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from event_model import ComposeStreamResource, compose_run
from ophyd_async.core import StaticPathProvider, UUIDFilenameProvider
from ophyd_async.sim import PatternGenerator, SimBlobDetector

from napari_skylight import Session
from napari_skylight.recording import RunStore, read_run_images
from napari_skylight.testing import FakeCamera, wait_until


@pytest.fixture
def open_session(home):
    opened = []

    def open_one():
        opened.append(Session(home))
        return opened[-1]

    yield open_one
    for session in opened:
        session.close()


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data of Zoë"
    folder.mkdir()
    return folder


@pytest.fixture
def earlier(open_session, data):
    """A session after another that has counted a detector which writes HDF5."""
    before = open_session()
    provider = StaticPathProvider(UUIDFilenameProvider(), data)
    detector = SimBlobDetector(provider, PatternGenerator(), name="blob")
    before.add_device(detector).result(timeout=10)
    before.start("count", {"detectors": ["blob"], "num": 3}).result(timeout=20)
    before.close()
    session = open_session()
    wait_until(lambda: len(session.earlier_runs) == 1)
    return session


def found(session):
    [record] = session.earlier_runs
    wait_until(lambda: session.earlier_runs.image_files(record) is not None)
    return record, session.earlier_runs.image_files(record)


def opened(session):
    record, _ = found(session)
    session.earlier_runs.open_images(record)
    wait_until(lambda: session.earlier_runs.images(record) is not None, timeout=20)
    return session.earlier_runs.images(record)


def pixels(file):
    with h5py.File(file) as content:
        return content["/entry/data/data"][:]


def test_they_come_from_the_file_of_the_detector(earlier, data):
    [file] = data.glob("*.h5")
    _, images = found(earlier)
    assert [each.path for each in images.files] == [file]
    assert not images.missing
    [kept] = opened(earlier)
    assert kept.key == "blob"
    assert len(kept.data) == len(kept.frames) == 3
    np.testing.assert_array_equal(kept.data[:], pixels(file))
    np.testing.assert_array_equal(kept.data[1, :5], pixels(file)[1, :5])
    np.testing.assert_array_equal(kept.data[(slice(0, 2), 3)], pixels(file)[:2, 3])


def test_a_file_that_is_gone_is_named(earlier, data):
    [file] = data.glob("*.h5")
    file.unlink()
    _, images = found(earlier)
    assert not images.files
    assert images.missing == (file,)


def test_a_copy_beside_the_run_is_found(earlier, data):
    [file] = data.glob("*.h5")
    content = pixels(file)
    [record] = earlier.earlier_runs
    copy = shutil.move(file, Path(record.files[0]).parent)
    _, images = found(earlier)
    assert [str(each.path) for each in images.files] == [copy]
    [kept] = opened(earlier)
    np.testing.assert_array_equal(kept.data[:], content)


def test_a_broken_file_is_a_problem(earlier, data):
    [file] = data.glob("*.h5")
    file.write_bytes(b"no HDF5")
    assert opened(earlier) == []
    assert f"{file.name} cannot be shown" in earlier.problem


def test_images_of_a_run_of_this_session_come_from_files_too(open_session, data):
    session = open_session()
    provider = StaticPathProvider(UUIDFilenameProvider(), data)
    detector = SimBlobDetector(provider, PatternGenerator(), name="blob")
    session.add_device(detector).result(timeout=10)
    session.start("count", {"detectors": ["blob"], "num": 2}).result(timeout=20)
    wait_until(lambda: session.runs[0].run.ended)
    record = session.runs[0]
    wait_until(lambda: session.earlier_runs.image_files(record) is not None)
    [image] = session.earlier_runs.image_files(record).files
    assert len(image.open()) == 2


def test_an_export_has_the_documents_and_the_images(earlier, data, tmp_path):
    [file] = data.glob("*.h5")
    content = pixels(file)
    record, _ = found(earlier)
    run_file = Path(record.files[0])
    exported = earlier.export(record, tmp_path / "stick").result(timeout=20)
    assert exported.parent == tmp_path / "stick"
    assert (exported / run_file.name).read_bytes() == run_file.read_bytes()
    again = earlier.export(record, tmp_path / "stick").result(timeout=20)
    assert again.name == f"{exported.name} (2)"
    file.unlink()  # a copy is found by the documents beside it
    images = read_run_images(exported / run_file.name)
    assert [each.path for each in images.files] == [exported / file.name]
    np.testing.assert_array_equal(images.files[0].open()[:], content)


def test_a_file_store_is_copied_whole(tmp_path, open_session):
    zarr = pytest.importorskip("zarr")
    image = zarr.open_group(tmp_path / "a b.ome.zarr", mode="w").create_array(
        "0", shape=(3, 8, 9), chunks=(1, 8, 9), dtype="u2"
    )
    image[:] = frames = np.arange(3 * 8 * 9).reshape(3, 8, 9)
    folder = tmp_path / "home" / "runs"
    store = RunStore(folder, print)
    run = compose_run()
    key = {"source": "", "dtype": "array", "shape": [8, 9], "dtype_numpy": "<u2"}
    described = run.compose_descriptor(
        name="primary", data_keys={"camera": {**key, "external": "STREAM:"}}
    )
    resource, compose_datum = ComposeStreamResource(start=run.start_doc)(
        mimetype="application/x-zarr",
        uri=f"file://localhost{tmp_path}/a b.ome.zarr/0",
        data_key="camera",
        parameters={"chunk_shape": [1, 8, 9]},
    )
    datum = compose_datum({"start": 0, "stop": 3}, descriptor=described.descriptor_doc)
    for name, document in (
        ("start", run.start_doc),
        ("descriptor", described.descriptor_doc),
        ("stream_resource", resource),
        ("stream_datum", datum),
        ("stop", run.compose_stop()),
    ):
        store(name, document)
    store.close(timeout=10)
    session = open_session()
    wait_until(lambda: len(session.earlier_runs) == 1)
    exported = session.export(session.earlier_runs[0], tmp_path / "stick").result(timeout=20)
    (tmp_path / "a b.ome.zarr").rename(tmp_path / "moved away")
    [run_file] = exported.glob("*.jsonl")
    images = read_run_images(run_file)
    assert [each.path for each in images.files] == [exported / "a b.ome.zarr" / "0"]
    np.testing.assert_array_equal(images.files[0].open()[2], frames[2])


def test_a_run_that_was_not_stored_cannot_be_exported(tmp_path):
    with Session() as session:
        session.add_device(FakeCamera()).result(timeout=5)
        session.start("snap").result(timeout=10)
        with pytest.raises(ValueError, match="not stored"):
            session.export(session.runs[0], tmp_path)


def test_a_full_disk_ends_an_export(earlier, data, tmp_path):
    record, _ = found(earlier)
    (tmp_path / "stick").write_text("no folder")
    with pytest.raises(OSError, match="stick"):
        earlier.export(record, tmp_path / "stick").result(timeout=20)
