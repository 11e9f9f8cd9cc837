"""The places of the plugin's docks, in a file."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from qtpy.QtCore import QRect, QSaveFile

_log = logging.getLogger("napari_skylight")

_VERSION = 1


@dataclass(frozen=True)
class DockPlace:
    """Where a dock was: x, y, width, height; on the screen if it floats, else in the window."""

    rect: list[int]
    tabs: list[str]
    is_floating: bool
    is_in_front: bool
    is_open: bool = True
    height_is_set: bool = False


def load_places(file: Path) -> dict[str, DockPlace]:
    """Return the places in `file`; nothing if there is none, or one of another version."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        saved = content["docks"] if content["version"] == _VERSION else {}
        places = {name: DockPlace(**each) for name, each in saved.items()}
        for each in places.values():
            QRect(*each.rect), "".join(each.tabs)  # raise for anything else
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        _log.warning("The docks open at their default places: cannot use %s: %s", file, error)
        return {}
    return places


def save_places(file: Path, places: Mapping[str, DockPlace]) -> None:
    content = {"version": _VERSION, "docks": {name: asdict(p) for name, p in places.items()}}
    saved = QSaveFile(str(file))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content, indent=1).encode()
        done = saved.open(QSaveFile.OpenModeFlag.WriteOnly) and saved.write(text) == len(text)
        problem = "" if done and saved.commit() else saved.errorString()
    except OSError as error:
        problem = str(error)
    if problem:
        _log.warning("Cannot keep where the docks are: %s", problem)
