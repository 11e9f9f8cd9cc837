"""What a plan offers to choose from, by the settings of the devices that are connected."""

from collections.abc import Sequence
from typing import Annotated, Any

import pytest
from bluesky import plan_stubs as bps
from bluesky.protocols import Movable
from bluesky.utils import MsgGenerator
from ophyd_async.core import SignalRW, SoftSignalBackend, StandardReadable, soft_signal_rw

from napari_skylight.devices import Microscope, sim
from napari_skylight.plans.spec import ChoicesOf, UnresolvableAnnotationError
from napari_skylight.protocols import HasChildren, Light


def tint(
    channels: Annotated[Sequence[str], ChoicesOf(Light, "channel")] = (),
    parts: Annotated[Sequence[str], ChoicesOf(HasChildren, "part")] = (),
) -> MsgGenerator[None]:
    yield from ()


def move(motor: Movable[Any], to: float) -> MsgGenerator[None]:
    yield from bps.mv(motor, to)


@pytest.fixture
def channels(session):
    """Return the parameter of a plan whose choices are the channels of the light."""
    session.add_plan(tint)
    return lambda: session.spec("tint").parameters[0]


def test_a_plan_offers_the_channels_of_the_light_while_there_is_one(session, channels):
    assert not channels().has_field
    seen = []
    session.devices_changed.connect(lambda: seen.append(channels().choices))
    session.open_microscope(sim.microscope).result(timeout=10)
    assert channels().choices == ["DAPI", "GFP", "RFP", "Brightfield"]
    assert seen[-1] == channels().choices  # whoever is told of the devices can ask for the spec
    session.open_microscope(lambda: Microscope("No light", ())).result(timeout=10)
    assert not channels().has_field
    assert session.start("tint").result(timeout=5)


class Broken(SoftSignalBackend):
    async def get_datakey(self, source):
        raise OSError("the cable is out")


class Wheel(StandardReadable):
    """A device one of whose settings cannot be described."""

    def __init__(self, name):
        self.broken = SignalRW(Broken(int, 1))
        self.part = soft_signal_rw(sim.ChannelName, sim.ChannelName.DAPI)
        super().__init__(name=name)


def test_a_setting_that_cannot_be_described_leaves_the_others_their_choices(session):
    session.add_plan(tint)
    session.add_device(Wheel("wheel")).result(timeout=5)
    assert session.spec("tint").parameters[1].choices[0] == "DAPI"


class Partless:
    """A device whose parts cannot be told."""

    name = "partless"

    def children(self):
        raise OSError("the cable is out")


def test_a_device_that_cannot_tell_its_parts_is_there_all_the_same(session):
    session.add_device(Partless()).result(timeout=5)
    assert "partless" in session.devices


def test_parts_of_devices_are_offered_where_the_whole_device_does_not_fit(session):
    session.open_microscope(sim.microscope).result(timeout=10)
    session.add_plan(move)
    motors = session.spec("move").parameters[0].choices
    assert {"stage.x", "stage.y", "focus", "camera.exposure"} <= set(motors)
    assert not {"stage", "focus.velocity", "stage.x.velocity", "light.channel"} & set(motors)
    focus = next(p for p in session.spec("live_view").parameters if p.name == "focus")
    assert focus.choices == ["focus"]
    session.start("move", {"motor": "stage.y", "to": 3.0}).result(timeout=10)
    assert "stage.y" not in session.devices
    session.open_microscope(lambda: Microscope("Nothing", ())).result(timeout=10)
    with pytest.raises(UnresolvableAnnotationError):
        session.spec("move")
