"""Which layers the user has deleted, and when each may come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari_skylight._compat import show_info

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_skylight.frames import FrameCache
    from napari_skylight.viewer._layer import CacheLayer
    from napari_skylight.viewer._link import HasFrames


@dataclass(slots=True)
class _Deletion:
    stashed: int  # frames that came before
    run: float | None  # the run under way, or the last one
    busy: bool  # a plan was under way


class DeletedLayers:
    """Keeps a deleted layer away until a plan that is not stopping stashes another frame."""

    # Shared by all viewers of a session, so that a new one does not show a deleted layer.
    _deletions: WeakKeyDictionary[FrameCache, dict[str, _Deletion]] = WeakKeyDictionary()

    def __init__(self, session: HasFrames) -> None:
        self._session = session

    def add(self, layer: CacheLayer) -> None:
        """Note that the layer was deleted now."""
        stashed = layer.reader.counts(layer.key).stashed
        deletion = _Deletion(stashed, start_of(self._session.run), not self._idle)
        self._deletions.setdefault(layer.reader.cache, {})[layer.key] = deletion

    def say_what_is_kept(self, layers: Iterable[CacheLayer]) -> None:
        """Tell the user that deleting the layer of a stack frees no memory."""
        for layer in layers:
            cache = layer.reader.cache
            kept, size = cache.counts.kept, max(1, round(cache.counts.nbytes / 1e6))
            if cache.kind == "stack" and kept:
                show_info(
                    f"Still kept: {kept} frame{'s' * (kept > 1)}, {size:,} MB, of '{layer.name}'. "
                    "To free the memory: Plugins ▸ napari-skylight ▸ Clear stash."
                )

    def discard(self, layer: CacheLayer) -> None:
        """Forget the deletion of a layer."""
        self._deletions.get(layer.reader.cache, {}).pop(layer.key, None)

    def hold_back(self, layer: CacheLayer) -> bool:
        """Return whether the frames so far do not bring a layer back; if so, skip them."""
        reader, key = layer.reader, layer.key
        deletion = self._deletions.get(reader.cache, {}).get(key)
        if deletion is None:
            return False
        idle, stashed = self._idle, reader.counts(key).stashed
        if deletion.busy and deletion.run == start_of(self._session.run):
            if idle or self._session.state == "stopping":
                deletion.stashed = stashed
            deletion.busy = not idle
        if stashed > deletion.stashed:
            self.discard(layer)
            return False
        reader.take(key, on_screen=False)
        return True

    @property
    def _idle(self) -> bool:
        return self._session.state in ("idle", "failed")


def start_of(run: Any) -> float | None:
    """Return when a run started, which tells it from others."""
    return None if run is None else run.started
