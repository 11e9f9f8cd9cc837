"""A line file beside an image: what was read with each frame, kept through a crash."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from napari_skylight.frames import Frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

LINES = "frames.jsonl"


class FrameLines:
    """Appends one line of JSON a frame; values that stay the same are written once.

    A line has the frame's ``number`` and ``time`` (s since the epoch), ``set`` with the values that
    are new or differ from the line before, and ``del`` with the names of those no longer read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Each line goes to the system at once: it survives the end of this process.
        self._file = path.open("w", encoding="utf-8", buffering=1)
        self._last: Mapping[str, Any] = {}

    def append(self, frame: Frame) -> None:
        """Write the line of `frame`."""
        line: dict[str, Any] = {"key": frame.key, "number": frame.number, "time": frame.timestamp}
        new, last = frame.metadata, self._last
        if new is not last:
            changed = {k: v for k, v in new.items() if k not in last or last[k] != v}
            gone = [k for k in last if k not in new]
            line |= ({"set": changed} if changed else {}) | ({"del": gone} if gone else {})
            self._last = new
        self._file.write(json.dumps(line, default=str, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_lines(path: Path) -> Iterator[Frame]:
    """Yield the frames of a line file, up to the first line that is not complete."""
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from frames_in(file)


def frames_in(lines: Iterable[str]) -> Iterator[Frame]:
    """Yield the frame of each line, up to the first that is not complete."""
    metadata: dict[str, Any] = {}
    for text in lines:
        if not text.endswith("\n"):
            return
        try:
            line = json.loads(text)
        except ValueError:  # a crash of the system may leave zeros
            return
        if "set" in line or "del" in line:
            gone = line.get("del", ())
            kept = {k: v for k, v in metadata.items() if k not in gone}
            metadata = kept | line.get("set", {})
        yield Frame(line["key"], line["number"], line["time"], metadata)
