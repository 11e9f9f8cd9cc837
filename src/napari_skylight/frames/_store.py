"""The caches of a session."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Literal

from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.frames._cache import NEVER, FrameCache, LastStash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bluesky.protocols import HasName

    from napari_skylight.protocols import Recorder


class CacheStore:
    """Makes and keeps the caches of each camera. Thread-safe.

    Parameters
    ----------
    live_bytes, stack_bytes : int
        Limits for one frame of a live cache, and for all frames of one stack.
    make_recorder : callable, optional
        Makes the recorder of a camera and a channel.

    Attributes
    ----------
    added : Signal(FrameCache)
        A cache was made; emitted on the caller's thread.
    """

    added = Signal(FrameCache)
    name = "caches"
    parent = None

    def __init__(
        self,
        *,
        live_bytes: int = 1_000_000_000,
        stack_bytes: int = 2_000_000_000,
        make_recorder: Callable[[HasName, str], Recorder] | None = None,
    ) -> None:
        self._make_recorder = make_recorder
        self._bytes: dict[Literal["live", "stack"], int] = {
            "live": live_bytes,
            "stack": stack_bytes,
        }
        self._caches: dict[tuple[str, str, str, str | None], FrameCache] = {}
        self._lock = Lock()

    def __iter__(self) -> Iterator[FrameCache]:
        with self._lock:
            return iter(tuple(self._caches.values()))

    def __len__(self) -> int:
        return len(self._caches)

    def live(self, camera: HasName, channel: str = "") -> FrameCache:
        """Return the one cache of the newest frame of `camera`, or of one `channel` of it."""
        return self._get(camera.name, channel, None)

    def stack(self, camera: HasName, name: str = "snapshots", channel: str = "") -> FrameCache:
        """Return the cache of all frames of `camera` stashed as `name`, or of one `channel`.

        Its name is such as "camera · DAPI · snapshots".
        """
        return self._get(camera.name, channel, name)

    def last_stash(self, key: str) -> LastStash:
        """Return the latest times of `FrameCache.last_stash` for `key`, over all caches."""
        stashes = [cache.last_stash(key) for cache in self]
        return LastStash(*map(max, zip(*stashes, strict=True))) if stashes else NEVER

    def processed(self, camera: HasName, process: str, channel: str = "") -> FrameCache:
        """Return the live cache of what `process` makes of the frames of `camera`.

        Its name is such as "camera · DAPI · running mean".
        """
        self.live(camera, channel)  # whose layer comes first
        return self._get(camera.name, channel, process, is_processed=True)

    def recorder(self, camera: HasName, channel: str = "") -> Recorder:
        """Return a new recorder of the frames of `camera`, or of one `channel`."""
        if self._make_recorder is None:
            raise RuntimeError("These caches cannot record: use those of a Session.")
        return self._make_recorder(camera, channel)

    @property
    def live_bytes(self) -> int:
        """Limit for one frame of a live cache."""
        return self._bytes["live"]

    @live_bytes.setter
    def live_bytes(self, nbytes: int) -> None:
        self._set_bytes("live", nbytes)

    @property
    def stack_bytes(self) -> int:
        """Limit for the frames of one stack; setting it changes every stack."""
        return self._bytes["stack"]

    @stack_bytes.setter
    def stack_bytes(self, nbytes: int) -> None:
        self._set_bytes("stack", nbytes)

    def _set_bytes(self, kind: Literal["live", "stack"], nbytes: int) -> None:
        if nbytes <= 0:
            raise ValueError(f"The size of a {kind} cache must be positive, not {nbytes}.")
        with self._lock:
            self._bytes[kind] = nbytes
            for cache in self._caches.values():
                if cache.kind == kind:
                    cache.max_bytes = nbytes

    def _get(
        self, camera: str, channel: str, of: str | None, is_processed: bool = False
    ) -> FrameCache:
        kind: Literal["live", "stack"] = "live" if of is None or is_processed else "stack"
        with self._lock:
            cache = self._caches.get((camera, channel, kind, of))
            if cache is not None:
                return cache
            name = " · ".join(part for part in (camera, channel, of) if part)
            cache = FrameCache(
                name,
                kind=kind,
                max_bytes=self._bytes[kind],
                channel=channel,
                is_processed=is_processed,
            )
            self._caches[camera, channel, kind, of] = cache
        announce(self.added, cache)
        return cache
