"""The images of detectors' preview signals."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from bluesky.protocols import Readable, Reading
from bluesky.utils import maybe_await

PREVIEW_SECONDS = 1.0
"""How long a signal may take to answer."""

_log = logging.getLogger("napari_skylight")


def read_preview(signal: Readable[Any], loop: asyncio.AbstractEventLoop) -> Reading[Any] | None:
    """Return the reading of a signal, read on `loop`; None if it does not answer in time.

    Not for the loop's thread.
    """

    async def read() -> Reading[Any]:
        async with asyncio.timeout(PREVIEW_SECONDS):
            (reading,) = (await maybe_await(signal.read())).values()
            return reading

    try:
        asked = asyncio.run_coroutine_threadsafe(read(), loop)
        return asked.result(PREVIEW_SECONDS + 1)
    except Exception as error:  # noqa: BLE001 - whatever it is, there is the file
        _log.debug("%s gives no preview: %s", signal.name, error)
        return None
