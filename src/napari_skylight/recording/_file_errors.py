"""What an error of a file or disk means to the user."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NO_SPACE = 1_000_000  # bytes left on a disk that is full


def in_words(error: Exception, path: Path | None) -> str:
    """Return why a file cannot be written, and what to do; `path` is None before it is made."""
    number = error.errno if isinstance(error, OSError) else None
    text = str(error) or type(error).__name__
    named = getattr(error, "filename", None)
    if _is_full(error, path):
        return "the disk is full. Free some space, or choose a folder on another disk."
    if number in (errno.ENOENT, errno.ENOTDIR, errno.EIO, errno.ESTALE, errno.ENODEV):
        gone = path or named or "its file"
        return f"{gone} is gone. Was its folder removed, or its disk unplugged?"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{named or path or 'its folder'} cannot be written. Choose another folder."
    return f"{text.rstrip('.')}."


def _is_full(error: Exception, path: Path | None) -> bool:
    """Return whether there was no space; numpy and tensorstore raise errors without a number."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    if os.strerror(errno.ENOSPC) in str(error):
        return True
    with suppress(OSError):
        return path is not None and shutil.disk_usage(path.parent).free < _NO_SPACE
    return False
