"""Images that come back from the files of detectors, in a later session."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from ophyd_async.core import StaticPathProvider, UUIDFilenameProvider
from ophyd_async.sim import PatternGenerator, SimBlobDetector

from napari_skylight import Session
from napari_skylight.testing import wait_until


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
