"""Whatever is stashed, cleared and taken: a plain list agrees, and the counts add up."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from napari_skylight.frames import FrameCache

SHAPE = (2, 3)
FRAME_BYTES = 12  # of uint16
ROOM = 7  # frames of a stack


class CacheModel(RuleBasedStateMachine):
    """The model: per key, the numbers of the frames that should be kept."""

    readers = Bundle("readers")

    @initialize(kind=st.sampled_from(["live", "stack"]))
    def make(self, kind):
        self.kind = kind
        self.cache = FrameCache("camera", kind=kind, max_bytes=ROOM * FRAME_BYTES)
        self.kept = {}
        self.stashed = {}
        self.refused = 0
        self.all_readers = []
        self.stashes = []  # status, key and numbers of each
        self.withdrawn = 0
        self.views = []  # what readers were given, and what it looked like then

    @rule(target=readers)
    def open_reader(self):
        reader = self.cache.reader()
        self.all_readers.append(reader)
        return reader

    @rule(key=st.sampled_from(["left", "right"]), length=st.integers(1, 4), batch=st.booleans())
    def stash(self, key, length, batch):
        length = length if batch else 1
        first = self.stashed.get(key, 0) + 1
        numbers = list(range(first, first + length))
        frames = np.stack([np.full(SHAPE, number, np.uint16) for number in numbers])
        status = self.cache.stash(
            {key: {"value": frames if batch else frames[0], "timestamp": 0.0}}
        )
        room = ROOM - sum(map(len, self.kept.values())) if self.kind == "stack" else length
        taken = numbers[: max(0, room)]
        assert status.done
        assert status.success == (len(taken) == length)
        self.refused += length - len(taken)
        self.stashed[key] = self.stashed.get(key, 0) + len(taken)
        kept = self.kept.setdefault(key, [])
        kept += taken
        self.stashes.append((status, key, taken))
        if self.kind == "live":
            del kept[:-1]

    @rule(place=st.integers(0, 3))
    def withdraw(self, place):
        """Withdraw one of the last stashes, or one again."""
        if place >= len(self.stashes):
            return
        status, key, numbers = self.stashes[-1 - place]
        self.cache.withdraw(status)
        if self.kind == "stack":
            left = [number for number in self.kept[key] if number not in numbers]
            self.withdrawn += len(self.kept[key]) - len(left)
            self.kept[key][:] = left

    @rule()
    def clear(self):
        assert self.cache.clear().success
        for kept in self.kept.values():
            kept.clear()

    @rule(reader=readers, key=st.sampled_from(["left", "right"]), on_screen=st.booleans())
    def take(self, reader, key, on_screen):
        if key not in reader.keys:
            return
        before = reader.counts(key)
        news = reader.has_news(key)
        taken = reader.take(key, on_screen=on_screen)
        assert (taken is not None) == news
        assert reader.take(key) is None
        after = reader.counts(key)
        assert after.waiting == 0
        if taken is None:
            assert after == before
            return
        kept = self.kept[key]
        assert after.shown - before.shown == (1 if before.waiting and on_screen else 0)
        if not kept:
            assert taken.frame is None
            assert len(taken.data) == 0
            return
        if self.kind == "stack":
            self.views.append((taken.data, taken.data.copy(), taken.frames, list(taken.frames)))
        data = taken.data if self.kind == "stack" else taken.data[np.newaxis]
        np.testing.assert_array_equal(data, np.array(kept)[:, None, None] * np.ones(SHAPE, int))
        assert [frame.number for frame in taken.frames] == kept
        assert taken.frame.number == kept[-1]

    @invariant()
    def counts_add_up(self):
        if not hasattr(self, "cache"):
            return
        counts = self.cache.counts
        assert counts.acquired == counts.stashed + counts.refused
        assert counts.stashed == sum(self.stashed.values())
        assert counts.refused == self.refused
        assert counts.withdrawn == self.withdrawn
        assert counts.kept == sum(map(len, self.kept.values()))
        if self.kind == "stack":
            assert counts.nbytes == counts.kept * FRAME_BYTES <= self.cache.max_bytes
        for view, before, frames, frames_before in self.views:
            np.testing.assert_array_equal(view, before)
            assert list(frames) == frames_before
        for reader in self.all_readers:
            for key in (None, *reader.keys):
                seen = reader.counts(key)
                assert seen.stashed == seen.shown + seen.skipped + seen.waiting
                assert min(seen.shown, seen.skipped, seen.waiting) >= 0


TestCacheModel = CacheModel.TestCase
TestCacheModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
