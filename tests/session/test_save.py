"""Stacks that are saved to files."""

import threading

import numpy as np
import pytest
import tifffile
import zarr

from napari_skylight.recording import FileNames, FileSettings, open_images
from napari_skylight.session import ImageLook, SaveCancelled
from napari_skylight.testing import FakeCamera, wait_until


def stash(cache, *numbers, key="camera", shape=(20, 30), dtype=np.uint16):
    for number in numbers:
        values = {
            key: {"value": np.full(shape, number, dtype), "timestamp": 1e9 + number},
            f"{key}-pixel_size": {"value": 0.25, "timestamp": 1e9},
        }
        assert cache.stash(values).success


@pytest.fixture
def names(tmp_path):
    return FileNames("{camera}", tmp_path / "Bilder ä")


class Gate:
    """Holds a writer back until it is opened: its disk is slow."""

    def __init__(self, monkeypatch, after=1):
        self.reached, self.opened = threading.Event(), threading.Event()
        written = 0
        append = __import__(
            "napari_skylight.recording._writer", fromlist=["FrameWriter"]
        ).FrameWriter.append

        def slow(writer, pixels, frame=None):
            nonlocal written
            if written == after:
                self.reached.set()
                assert self.opened.wait(20)
            written += 1
            return append(writer, pixels, frame)

        monkeypatch.setattr("napari_skylight.recording.FrameWriter.append", slow)


@pytest.mark.parametrize("kind", ["ome-zarr", "ome-tiff"])
def test_every_stack_is_saved_to_a_file_of_its_own(session, names, kind):
    stash(session.caches.stack(FakeCamera()), 1, 2, 3)
    stash(session.caches.stack(FakeCamera(), channel="DAPI"), 7)
    saved = session.save(names=names, settings=FileSettings(kind)).result(20)
    suffix = FileSettings(kind).suffix
    assert [path.name for path in saved] == [
        f"camera_snapshots{suffix}",
        f"camera_DAPI_snapshots{suffix}",
    ]
    first, second = (open_images(path)[0] for path in saved)
    assert np.asarray(first.levels[0][:])[:, 0, 0].tolist() == [1, 2, 3]
    assert first.scale == (1, 0.25, 0.25)
    assert first.units == ("pixel", "um", "um")
    assert (first.name, second.name) == ("camera · snapshots", "camera · DAPI · snapshots")
    assert (first.colormap, second.colormap) == ("gray", "blue")
    assert [frame.timestamp for frame in first.frames] == [1e9 + 1, 1e9 + 2, 1e9 + 3]


def test_a_save_has_the_frames_at_the_time_of_the_request(session, names, monkeypatch):
    gate = Gate(monkeypatch)
    stack = session.caches.stack(FakeCamera())
    stash(stack, 1, 2, 3)
    saved = session.save(names=names)
    assert gate.reached.wait(20)
    stash(stack, 4, 5)
    stack.clear()
    stash(stack, 6)
    gate.opened.set()
    (path,) = saved.result(20)
    assert zarr.open_array(path / "0", mode="r")[:, 0, 0].tolist() == [1, 2, 3]


def test_progress_counts_the_frames_of_all_files(session, names, monkeypatch):
    gate = Gate(monkeypatch, after=3)
    stash(session.caches.stack(FakeCamera()), 1, 2)
    stash(session.caches.stack(FakeCamera(), channel="GFP"), 3, 4, 5)
    seen = []
    session.saves.changed.connect(lambda: seen.append(session.saves.progress))
    saved = session.save(names=names)
    assert gate.reached.wait(20)
    assert session.saves.progress.total == 5
    assert session.saves.progress.path.name == "camera_GFP_snapshots.ome.zarr"
    gate.opened.set()
    saved.result(20)
    wait_until(lambda: session.saves.progress is None and seen[-1] is None)
    assert [each.done for each in seen[:-1]] == sorted(each.done for each in seen[:-1])


def test_a_cancelled_save_leaves_no_file_and_those_that_wait_do_not_begin(
    session, names, monkeypatch
):
    gate = Gate(monkeypatch)
    stash(session.caches.stack(FakeCamera()), 1, 2, 3)
    saves = [session.save(names=names), session.save(names=names)]
    assert gate.reached.wait(20)
    session.saves.cancel()
    gate.opened.set()
    for each in saves:
        with pytest.raises(SaveCancelled):
            each.result(20)
    assert list(names.folder.iterdir()) == []
    assert session.problem == ""
    assert len(session.save(names=names).result(20)) == 1


def test_closing_the_session_closes_the_file_with_the_frames_so_far(session, names, monkeypatch):
    gate = Gate(monkeypatch)
    stash(session.caches.stack(FakeCamera()), 1, 2, 3)
    saved = session.save(names=names, settings=FileSettings("ome-tiff"))
    assert gate.reached.wait(20)
    closing = threading.Thread(target=session.close)
    closing.start()
    wait_until(lambda: session.closed)
    wait_until(lambda: session.saves._ends)
    gate.opened.set()
    closing.join(20)
    (path,) = saved.result(20)
    assert tifffile.imread(path)[:, 0, 0].tolist() == [1, 2]
    with pytest.raises(RuntimeError):
        session.save(names=names)


def test_a_disk_that_fails_is_reported_and_leaves_no_file(session, names, monkeypatch):
    def full(writer, pixels, frame=None):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_skylight.recording.FrameWriter.append", full)
    stash(session.caches.stack(FakeCamera()), 1)
    with pytest.raises(OSError, match="No space left"):
        session.save(names=names).result(20)
    wait_until(lambda: "No space left on device" in session.problem)
    assert list(names.folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_reported(session, tmp_path):
    (tmp_path / "file").touch()
    stash(session.caches.stack(FakeCamera()), 1)
    with pytest.raises(OSError, match="file"):
        session.save(names=FileNames("x", tmp_path / "file")).result(20)
    wait_until(lambda: "file" in session.problem)


def test_without_frames_there_is_nothing_to_save(session, names):
    with pytest.raises(ValueError, match="take a snapshot or stash frames first"):
        session.save(names=names)


def test_a_look_goes_into_the_file(session, names):
    stash(session.caches.stack(FakeCamera()), 1)
    look = ImageLook("viridis", "FDE725", (3, 77))
    (path,) = session.save(names=names, looks={("camera · snapshots", "camera"): look}).result(20)
    (image,) = open_images(path)
    assert image.colormap == "viridis"
    assert image.channels[0].colour == "FDE725"
    assert image.channels[0].contrast_limits == (3, 77)
