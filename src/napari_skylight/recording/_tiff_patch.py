"""Changes to a closed TIFF file that leave it valid on a disk that is full."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import IO, NamedTuple

_DESCRIPTION = 270  # the tag ImageDescription


class _Layout(NamedTuple):
    """The sizes of numbers in classic TIFF or BigTIFF; a directory is length, entries, next."""

    order: str
    length: str
    offset: str
    first: int  # the place of the offset of the first directory

    def read(self, file: IO[bytes], place: int, letter: str) -> int:
        file.seek(place)
        form = self.order + letter
        return int(struct.unpack(form, file.read(struct.calcsize(form)))[0])

    def write(self, file: IO[bytes], place: int, value: int) -> None:
        file.seek(place)
        file.write(struct.pack(self.order + self.offset, value))

    @property
    def entries(self) -> int:
        """The bytes before the first entry of a directory."""
        return struct.calcsize(self.order + self.length)

    @property
    def width(self) -> int:
        """The bytes of an offset."""
        return struct.calcsize(self.order + self.offset)

    @property
    def entry(self) -> int:
        """The bytes of an entry: tag, type, count and value."""
        return 4 + 2 * self.width


def _layout_of(file: IO[bytes]) -> _Layout:
    file.seek(0)
    head = file.read(4)
    order = "<" if head[:2] == b"II" else ">"
    big = struct.unpack(order + "H", head[2:])[0] == 43
    return _Layout(order, "Q", "Q", 8) if big else _Layout(order, "H", "I", 4)


def end_after(path: Path, page: int, size: int) -> None:
    """Make the page whose directory is at `page` the last one, of a file of `size` bytes."""
    with path.open("r+b") as file:
        layout = _layout_of(file)
        entries = layout.read(file, page, layout.length)
        layout.write(file, page + layout.entries + entries * layout.entry, 0)
        file.truncate(size)


def write_description(path: Path, text: bytes) -> None:
    """Replace the description of the first page.

    A longer text is written to the disk before the page refers to it: after an OSError the file is
    as it was.
    """
    with path.open("r+b") as file:
        layout = _layout_of(file)
        page = layout.read(file, layout.first, layout.offset)
        entry = page + layout.entries
        for _ in range(layout.read(file, page, layout.length)):
            if layout.read(file, entry, "H") == _DESCRIPTION:
                break
            entry += layout.entry
        else:
            raise ValueError(f"{path.name} has no description.")
        there = layout.read(file, entry + 4, layout.offset)
        value = entry + 4 + layout.width
        if len(text) < there:
            file.seek(layout.read(file, value, layout.offset))
            file.write(text.ljust(there - 1) + b"\0")
            return
        end = file.seek(0, os.SEEK_END)
        try:
            file.write(b"\0" * (end % 2) + text + b"\0")
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            _shorten(path, end)
            raise
        layout.write(file, value, end + end % 2)
        layout.write(file, entry + 4, len(text) + 1)


def _shorten(path: Path, size: int) -> None:
    with path.open("r+b") as file:  # the one that failed would try again to write
        file.truncate(size)
