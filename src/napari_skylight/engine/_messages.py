"""bluesky's untyped makers of messages, with the types they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluesky.utils import Msg, short_uid

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["message", "new_group"]

message: Callable[..., Msg] = Msg
new_group: Callable[[str], str] = short_uid
