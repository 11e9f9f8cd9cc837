"""Where a person's own plans are, and what is remembered between starts."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

HOME_VARIABLE = "NAPARI_SKYLIGHT_HOME"


def home_folder() -> Path:
    """Return the folder of the person's own files; it need not be there yet.

    What the environment variable ``NAPARI_SKYLIGHT_HOME`` says, or else where the system keeps
    configuration: ``~/.config/napari-skylight`` on Linux.
    """
    given = os.environ.get(HOME_VARIABLE)
    if given:
        return Path(given).expanduser()
    return platformdirs.user_config_path("napari-skylight", appauthor=False)
