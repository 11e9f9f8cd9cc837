"""Events at a lower cost, and the frames stashed while one is open.

bluesky checks every event against event-model's schema, for which jsonschema takes the repr of each
image. Here only the first event of a descriptor is checked in full, and the keys of the others: the
schema allows any value.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from bluesky.bundlers import RunBundler as BlueskyRunBundler
from bluesky.bundlers import _StreamCache
from bluesky.utils import Msg, maybe_await
from event_model import ComposeDescriptorBundle, ComposeEvent

from napari_skylight.engine._calls import answer_in_time, answer_within, device_name, supports
from napari_skylight.protocols import Recorder, WithdrawingCache

if TYPE_CHECKING:
    from bluesky.protocols import Status
    from event_model import Event

    from napari_skylight.protocols import HasCache

CONFIGURATION_SECONDS = 0.1
"""How old the configuration in a descriptor may be when an event is made."""

CLOSE_SECONDS = 5.0
"""How long a recorder may take to write its queue and close its file, when a plan was halted."""

WITHDRAW_SECONDS = 10.0
"""How long a cache may take to withdraw the frames of a dropped event."""


@dataclass
class _KeyCheckedEvents(ComposeEvent):
    """Makes events; those with the keys of one that was checked need no further check."""

    _data: frozenset[str] | None = None
    _filled: frozenset[str] | None = None

    def __call__(
        self,
        data: dict[str, Any],
        timestamps: dict[str, Any],
        seq_num: int | None = None,
        filled: dict[str, bool | str] | None = None,
        uid: str | None = None,
        time: float | None = None,
        validate: bool = True,
    ) -> Event:
        filled = {} if filled is None else filled
        known = data.keys() == self._data == timestamps.keys() and filled.keys() == self._filled
        doc = super().__call__(data, timestamps, seq_num, filled, uid, time, validate and not known)
        if validate and not known:
            self._data, self._filled = frozenset(data), frozenset(filled)
        return doc


class _KnownDevices(_StreamCache):
    """The descriptions of a stream's devices, without an await for those that are cached."""

    def __init__(self) -> None:
        super().__init__()
        self._forms: dict[str, Any] = {}  # shape and dtype of the last image, by data key
        self._configured: dict[Any, float] = {}  # when it was read, by `time.monotonic`

    def has_other_images(self, reading: Any) -> bool:
        """Return whether an image in `reading` has a new shape or dtype."""
        changed = False
        for key, each in reading.items():
            value = each["value"]
            if getattr(value, "ndim", 0) > 1:
                form = value.shape, value.dtype
                changed |= self._forms.get(key, form) != form
                self._forms[key] = form
        return changed

    async def describe_again(self, obj: Any) -> bool:
        """Describe `obj` again; return whether the description has changed."""
        said = self.describe_cache[obj]
        says = await answer_in_time(obj, "describe", maybe_await(obj.describe()))
        says = {key: {**data_key, "object_name": obj.name} for key, data_key in says.items()}
        if says == said or says.keys() != said.keys():  # a stream keeps its data keys
            return False
        self.describe_cache[obj] = says
        await self.cache_read_config(obj)
        return True

    async def configuration_changed(self, obj: Any) -> bool:
        """Read the configuration of `obj` if it is due; return whether values differ."""
        if time.monotonic() < self._configured[obj] + CONFIGURATION_SECONDS:
            return False
        before = self.config_values_cache[obj]
        await self.cache_read_config(obj)
        now = self.config_values_cache[obj]
        return before.keys() == now.keys() and not all(
            _are_equal(value, now[key]) for key, value in before.items()
        )

    async def ensure_cached(self, obj: Any, collect: bool = False) -> None:
        if obj in self.config_desc_cache and (collect or obj in self.describe_cache):
            return
        await super().ensure_cached(obj, collect)  # type: ignore[no-untyped-call]

    async def _cache_describe(self, obj: Any) -> None:
        answer = super()._cache_describe(obj)  # type: ignore[no-untyped-call]
        await answer_in_time(obj, "describe", answer)

    async def _cache_describe_config(self, obj: Any) -> None:
        answer = super()._cache_describe_config(obj)  # type: ignore[no-untyped-call]
        await answer_in_time(obj, "describe_configuration", answer)

    async def cache_read_config(self, obj: Any) -> None:
        answer = super().cache_read_config(obj)  # type: ignore[no-untyped-call]
        await answer_in_time(obj, "read_configuration", answer)
        self._configured[obj] = time.monotonic()


def _are_equal(one: Any, other: Any) -> bool:
    return np.array_equal(one, other, equal_nan=np.asarray(one).dtype.kind == "f")


class RunBundler(BlueskyRunBundler):
    """Makes the documents of one run, and withdraws the frames of dropped events."""

    validate_all = False
    """Check every event in full."""

    holds_frames = False
    """Something was stashed since the event was opened."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stashes: list[tuple[HasCache, Status]] = []
        """Cache and status of each stash of the open event."""

    async def _prepare_stream(self, desc_key: str, objs_dks: Any) -> Any:
        descriptor, events, objs = await super()._prepare_stream(desc_key, objs_dks)
        if not self.validate_all:
            bundle = self._descriptors[desc_key]
            events = _KeyCheckedEvents(bundle.descriptor_doc, events.event_counters)
            self._descriptors[desc_key] = ComposeDescriptorBundle(
                bundle.descriptor_doc, events, bundle.compose_event_page
            )
        return descriptor, events, objs

    def _set_current_stream_cache(self, stream_name: str) -> None:
        self._saved_stream_cache.setdefault(stream_name, _KnownDevices())
        super()._set_current_stream_cache(stream_name)

    async def read(self, msg: Msg, reading: Any) -> Any:
        """Add a reading to the open event; see bluesky's documentation."""
        devices, obj = cast("_KnownDevices", self._current_stream_cache), msg.obj
        if self.bundling:
            has_other_images = devices.has_other_images(reading)
            is_known = obj in devices.describe_cache and obj in devices.config_desc_cache
            if is_known and (
                (has_other_images and await devices.describe_again(obj))
                or await devices.configuration_changed(obj)
            ):  # settings have changed: the event needs another descriptor
                self._descriptors.pop(self._bundle_name, None)
        if (
            self.bundling
            and not self._objs_read  # the first cannot collide with others
            and obj in devices.describe_cache
            and obj in devices.config_desc_cache
            and not hasattr(obj, "collect_asset_docs")
        ):
            self._objs_read.append(obj)
            devices.read_cache.append(reading)
            return reading
        if self.bundling and hasattr(obj, "collect_asset_docs"):
            await devices.ensure_cached(obj)
            # a camera may also give what its documents say is in a file
            described = devices.describe_cache[obj]
            in_files = {key for key in described if described[key].get("external") == "STREAM:"}
            reading = {key: each for key, each in reading.items() if key not in in_files}
        return await super().read(msg, reading)  # type: ignore[no-untyped-call]

    async def save(self, msg: Msg) -> None:
        stream = self._bundle_name
        made = self._sequence_counters.get(stream, 1)
        try:
            await super().save(msg)  # type: ignore[no-untyped-call]
        except BaseException:  # a cancellation too
            if self._sequence_counters.get(stream, 1) == made:
                await self._withdraw_stashes()
            raise
        finally:
            self.stashes.clear()

    async def drop(self, msg: Msg) -> None:
        await super().drop(msg)  # type: ignore[no-untyped-call]
        await self._withdraw_stashes()

    async def close_run(self, msg: Msg) -> Any:
        if self.bundling:
            await self._withdraw_stashes()
        return await super().close_run(msg)

    async def collect(self, msg: Msg) -> Any:
        flying = [each for each in (msg.obj, *msg.args) if each in self._uncollected]
        answer = await super().collect(msg)
        # bluesky takes an object for collected after the first of many times
        self._uncollected.update(each for each in flying if supports(each, Recorder))
        return answer

    async def backstop_collect(self) -> None:
        """Collect what a plan that was halted left; files are closed first."""
        for recorder in list(self._uncollected):
            if supports(recorder, Recorder):
                try:
                    await self._close_file(cast("Recorder", recorder))
                except Exception:  # whatever a recorder raises: the run must end
                    self.log.exception("Failed to complete %s.", device_name(recorder))
        await super().backstop_collect()  # type: ignore[no-untyped-call]

    async def _close_file(self, recorder: Recorder) -> None:
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def on_completed(_: Status) -> None:
            loop.call_soon_threadsafe(done.set)

        recorder.complete().add_callback(on_completed)
        await answer_within(CLOSE_SECONDS, recorder, "complete", done.wait())
        if not recorder.get_index():
            self._uncollected.discard(recorder)
        elif not self._declared_stream_names.get(frozenset([recorder])):
            name = recorder.name
            await self.declare_stream(  # type: ignore[no-untyped-call]
                Msg("declare_stream", None, recorder, name=name, collect=True)
            )

    async def _withdraw_stashes(self) -> None:
        while self.stashes:
            cache, status = self.stashes.pop()
            if not supports(cache, WithdrawingCache):
                continue
            try:
                answer = maybe_await(cache.withdraw(status))  # type: ignore[attr-defined]
                await answer_within(WITHDRAW_SECONDS, cache, "withdraw", answer)
            except Exception:  # whatever a cache raises: the run must end, or the plan go on
                self.log.exception("%s keeps frames whose event was dropped.", device_name(cache))

    def keep_events(self, stream: str) -> None:
        """Continue the event numbers of `stream` after a rewind: its frames stay."""
        if stream in self._sequence_counters:
            self._sequence_counters_copy[stream] = self._sequence_counters[stream]
