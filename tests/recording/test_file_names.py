import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from napari_skylight.recording import FileNames, NameValues
from napari_skylight.recording._names import default_folder  # tests have another

NOON = 1_795_867_200.0


def values(**given):
    return NameValues(**{"plan": "live_view", "sample": "HeLa", "camera": "cam", **given})


def preview(template, folder, **given):
    return FileNames(template, folder).preview(".ome.zarr", values(**given)).name


@pytest.mark.parametrize(
    ("template", "given", "name"),
    [
        ("{plan}_{sample}_{camera}", {}, "live_view_HeLa_cam"),
        ("{plan}_{sample}_{camera}", {"sample": ""}, "live_view_cam"),
        ("{sample}", {"sample": ""}, "image"),
        ("{sample}", {"sample": 'a/b:c*"d'}, "a-b-c-d"),
        ("{sample}", {"sample": "con"}, "_con"),
        ("{sample}", {"sample": "ends with dots.. "}, "ends with dots"),
        ("Zelle {sample}", {"sample": "Größe 5 µm"}, "Zelle Größe 5 µm"),
        ("{counter}", {}, "001"),
        ("{counter:05d}", {}, "00001"),
        ("run{counter:2}_{camera}", {}, "run 1_cam"),
    ],
)
def test_a_template_is_filled_in(tmp_path, template, given, name):
    assert preview(template, tmp_path, **given) == f"{name}.ome.zarr"


def test_date_and_time_are_those_of_the_clock_on_the_wall(tmp_path):
    name = preview("{date} {time}", tmp_path, moment=NOON)
    local = os.popen(f"date -d @{NOON:.0f} '+%Y-%m-%d %H%M%S'").read().strip()
    assert name == f"{local}.ome.zarr"


@pytest.mark.parametrize(
    ("there", "following"),
    [
        ([], "cells_001"),
        (["cells_001.ome.zarr"], "cells_002"),
        (["cells_001.ome.tif"], "cells_002"),
        (["cells_001.ome.zarr", "cells_009.ome.zarr"], "cells_010"),
        (["CELLS_004.OME.ZARR"], "cells_005"),
        (["cells_1234.ome.zarr", "cells_x.ome.zarr"], "cells_1235"),
    ],
)
def test_a_counter_follows_the_highest_in_the_folder(tmp_path, there, following):
    for name in there:
        (tmp_path / name).touch()
    assert preview("cells_{counter}", tmp_path) == f"{following}.ome.zarr"


def test_without_a_counter_a_taken_name_gets_a_number(tmp_path):
    names = FileNames("cells", tmp_path)
    claimed = [names.claim(".ome.zarr").name for _ in range(3)]
    assert claimed == ["cells.ome.zarr", "cells_2.ome.zarr", "cells_3.ome.zarr"]


def test_the_preview_is_what_is_claimed_and_makes_nothing(tmp_path):
    names = FileNames("{date}/{plan}_{counter}", tmp_path / "not there")
    shown = names.preview(".ome.tif", values(moment=NOON))
    assert not (tmp_path / "not there").exists()
    assert names.claim(".ome.tif", values(moment=NOON)) == shown
    assert shown.is_file()


def test_programs_that_claim_at_the_same_time_get_different_names(tmp_path):
    names = FileNames("cells", tmp_path)
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda _: names.claim(".ome.zarr"), range(40)))
    assert len(set(claimed)) == 40


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{user}", r"unknown field. Known are \{date\}"),
        ("a:b", "cannot have the character ':'"),
        ("../{plan}", "leaves its folder"),
        ("/tmp/{plan}", "leaves its folder"),
        ("{plan", "cannot be read"),
        ("{plan:5}", "unknown field"),
        ("{counter:x}", "digits of the counter"),
        ("{counter}/{plan}", r"one \{counter\}, in the last name"),
    ],
)
def test_a_template_that_cannot_be_used_says_why(tmp_path, template, message):
    with pytest.raises(ValueError, match=message):
        FileNames(template, tmp_path)


def test_a_name_that_no_disk_takes_is_refused(tmp_path):
    with pytest.raises(ValueError, match="too long"):
        preview("{sample}", tmp_path, sample="ä" * 150)


def test_a_folder_that_cannot_be_made_raises_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        FileNames("cells", tmp_path / "file" / "folder").claim(".ome.zarr")


@pytest.mark.posix
@pytest.mark.parametrize("suffix", [".ome.zarr", ".ome.tif"])
def test_a_folder_that_is_read_only_raises_at_once(tmp_path, suffix):
    tmp_path.chmod(0o555)
    root = os.geteuid() == 0
    if root:  # who may write anywhere
        os.seteuid(65534)
    try:
        with pytest.raises(PermissionError):
            FileNames("cells", tmp_path).claim(suffix)
    finally:
        if root:
            os.seteuid(0)
        tmp_path.chmod(0o755)
    assert list(tmp_path.iterdir()) == []


def test_the_default_folder_is_in_the_home_folder():
    assert default_folder() == Path.home() / "napari-skylight"
