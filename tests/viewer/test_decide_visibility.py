"""Which layers are visible, for any sequence of frames, moves of the slider, runs and clicks."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_skylight.viewer._visibility import Kind, Memory, Seen, Turn, decide

PLACES = [("one", ""), ("one", "DAPI"), ("one", "GFP"), ("two", "")]
LIVE = [Seen(("live", *place), Kind.LIVE, *place) for place in PLACES]
STACKS = [Seen(("stack", *place), Kind.STACK, *place) for place in PLACES]
RUN_IMAGE = Seen("run image", Kind.RUN_IMAGE)
ALL = [*LIVE, *STACKS, RUN_IMAGE]
ids = st.sampled_from([each.id for each in ALL])
ours = st.sampled_from([each.id for each in (*LIVE, *STACKS)])
steps = st.one_of(
    st.tuples(st.just("click"), ids),
    st.tuples(st.just("frames"), st.sets(ours, min_size=1)),
    st.tuples(st.just("delete or clear"), ours),
    st.tuples(st.just("slider"), st.booleans()),
    st.tuples(st.just("run"), st.none()),
    st.tuples(st.just("microscope"), st.sampled_from([each.id for each in LIVE])),
)


class Screen:
    """Layers of a viewer, without a viewer."""

    def __init__(self, shuffle=None):
        there = {Kind.RUN_IMAGE: True}
        self.layers = {each.id: replace(each, there=there.get(each.kind, False)) for each in ALL}
        self.memory = Memory()
        self.slider_at_end = True
        self.shuffle = shuffle

    @property
    def visible(self):
        return {id for id, each in self.layers.items() if each.visible and each.there}

    def live(self, ids):
        return {id for id in ids if id[0] == "live"}

    def change(self, id, **changes):
        self.layers[id] = replace(self.layers[id], **changes)

    def turn(self, frames=(), **turn):
        for id, each in self.layers.items():
            came = int(id in frames)
            before = 0 if turn.get("new_run") else each.came_in_run
            self.change(id, came=came, came_in_run=before + came, there=each.there or came > 0)
        layers = list(self.layers.values())
        if self.shuffle:
            self.shuffle.shuffle(layers)
        now = Turn(slider_at_end=self.slider_at_end, **turn)
        self.memory, visible = decide(self.memory, layers, now)
        for id in self.layers:
            self.change(id, visible=id in visible)

    def do(self, what, argument):
        if what == "click":
            self.change(argument, visible=not self.layers[argument].visible)
            self.turn()
        elif what == "frames":
            self.turn(argument)
        elif what == "delete or clear":
            self.change(argument, there=False)
            self.turn()
        elif what == "slider":
            self.slider_at_end = argument
            self.turn(slider_moved=True)
        elif what == "run":
            self.turn(new_run=True)
        else:
            self.turn({argument}, new_microscope=True)


def played(sequence, **kwargs):
    screen = Screen(**kwargs)
    for step in sequence:
        screen.do(*step)
    return screen


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=25), ids)
def test_what_the_user_clicks_stays_while_nothing_else_happens(sequence, clicked):
    screen = played(sequence)
    expected = screen.visible
    if screen.layers[clicked].there:
        expected ^= {clicked}
    screen.do("click", clicked)
    for _ in range(3):
        assert screen.visible == expected
        screen.turn()


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=25), st.randoms(use_true_random=False))
def test_the_order_of_the_layers_does_not_matter(sequence, random):
    one, other = played(sequence), played(sequence, shuffle=Random(random.random()))
    assert one.visible == other.visible
    assert one.memory == other.memory


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=25))
def test_an_older_frame_is_seen_alone_and_the_live_layers_come_back(sequence):
    screen = played(sequence)
    filled = {id for id in screen.layers if id[0] == "stack" and screen.layers[id].there}
    for id in filled:
        screen.change(id, visible=True)
    cameras = {key for _, key, _ in filled}
    before, in_front = screen.live(screen.visible), screen.memory.live_in_front
    screen.do("slider", False)
    seen = screen.visible
    assert {key for _, key, _ in seen & filled} == cameras  # at least one of each camera
    assert not {key for _, key, _ in screen.live(seen)} & cameras
    of_run = {id for id in filled if screen.layers[id].came_in_run}
    for key in {key for _, key, _ in of_run}:  # not the channels of earlier runs
        assert {id for id in seen & filled if id[1] == key} == {id for id in of_run if id[1] == key}
    screen.turn({LIVE[0].id})  # the slider is where it was
    if filled:
        assert screen.visible & filled == seen & filled
    screen.slider_at_end = True
    screen.turn({LIVE[0].id}, slider_moved=True)
    assert screen.memory.live_in_front
    if in_front and filled:
        left_out = screen.memory.outdated
        assert screen.live(screen.visible) >= before - left_out


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=25), st.sets(ours, min_size=1))
def test_images_of_an_earlier_run_are_hidden_once_by_the_next_run(sequence, frames):
    screen = played(sequence)
    screen.change(RUN_IMAGE.id, visible=True)
    screen.do("run", None)
    assert RUN_IMAGE.id in screen.visible
    screen.do("frames", frames)
    assert RUN_IMAGE.id not in screen.visible
    screen.do("click", RUN_IMAGE.id)
    screen.do("frames", frames)
    assert RUN_IMAGE.id in screen.visible


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=25))
def test_channels_that_a_run_leaves_out_are_hidden_until_their_next_frame(sequence):
    screen = played(sequence)
    dapi, gfp = LIVE[1].id, LIVE[2].id
    screen.slider_at_end = True
    screen.turn(new_run=True)
    screen.turn({dapi, gfp})
    for id in (dapi, gfp):
        screen.change(id, visible=True)
    screen.turn(new_run=True)
    for _ in range(3):
        screen.turn({dapi})
    assert dapi in screen.visible
    assert not {LIVE[0].id, gfp} & screen.visible
    screen.turn({gfp})
    assert {dapi, gfp} <= screen.visible


@pytest.mark.parametrize("live", [True, False])
def test_a_new_stack_is_seen_if_no_live_layer_is_in_its_place(live):
    screen = Screen()
    if live:
        screen.turn({LIVE[3].id})
    screen.turn({STACKS[3].id})
    assert screen.visible == {RUN_IMAGE.id, LIVE[3].id if live else STACKS[3].id}
