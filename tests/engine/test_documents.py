"""The documents: those of bluesky's own engine, valid, and cheaper."""

import asyncio
import re
import threading
import time
from itertools import pairwise

import event_model
import pytest
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from bluesky import preprocessors as bpp
from bluesky.run_engine import RunEngine as BlueskyRunEngine
from bluesky.suspenders import SuspendBoolHigh
from bluesky.utils import DuringTask, FailedStatus, Msg, RunEngineInterrupted
from ophyd import Signal
from ophyd.sim import NullStatus, TrivialFlyer, hw

from napari_skylight.testing import Documents, FakeCamera, wait_until


@pytest.fixture
def plain():
    engine = BlueskyRunEngine(
        context_managers=[], during_task=DuringTask(), call_returns_result=True
    )
    yield engine
    engine.loop.call_soon_threadsafe(engine.loop.stop)
    engine._th.join(5)
    engine.loop.close()


class Stepper:
    """A motor that is where it was told to be; its position is also a signal."""

    parent = None
    hints = {"fields": ["stepper"]}

    def __repr__(self):
        return "Stepper()"

    def __init__(self):
        self.name = "stepper"
        self.position = 0.0

    def set(self, value):
        self.position = value
        return NullStatus()

    def read(self):
        return {"stepper": {"value": self.position, "timestamp": time.time()}}

    def describe(self):
        return {"stepper": {"source": "test", "dtype": "number", "shape": []}}

    def read_configuration(self):
        return {"speed": {"value": 3, "timestamp": time.time()}}

    def describe_configuration(self):
        return {"speed": {"source": "test", "dtype": "number", "shape": []}}


class Flyer(TrivialFlyer):
    def __repr__(self):
        return "Flyer()"


class Camera(FakeCamera):
    def __repr__(self):
        return "Camera()"


def devices():
    made = hw()
    made.det.kind = "hinted"
    return made


def count(hw):
    yield from bp.count([hw.det1, hw.det2], 3)


def scan(hw):
    yield from bp.scan([hw.det], hw.motor, -1, 1, 5)


def list_scan(hw):
    yield from bp.list_scan([hw.det], Stepper(), [1, 2, 4])


def grid_scan(hw):
    yield from bp.grid_scan([hw.det], hw.motor1, 0, 1, 2, hw.motor2, 0, 1, 3, snake_axes=True)


def fly(hw):
    yield from bp.fly([Flyer()])


def fly_during(hw):
    yield from bpp.fly_during_wrapper(bp.count([hw.det]), [Flyer()])


def baseline(hw):
    yield from bpp.baseline_wrapper(bp.count([hw.det], 2), [Stepper()])


def monitor(hw):
    signal = Signal(name="signal", value=0)

    def inner():
        for value in (1, 2):
            yield from bps.abs_set(signal, value, wait=True)

    yield from bpp.monitor_during_wrapper(bpp.run_wrapper(inner()), [signal])


def suspended(hw):
    signal = Signal(name="beam_dump", value=0)
    suspender = SuspendBoolHigh(signal)

    def inner():
        yield from bps.checkpoint()
        threading.Timer(0.02, signal.put, (1,)).start()
        threading.Timer(0.1, signal.put, (0,)).start()
        yield from bps.sleep(0.05)
        yield from bp.count([hw.det], 2)

    yield from bpp.suspend_wrapper(inner(), suspender)


def external(hw):
    yield from bp.count([hw.img], 2)


def configured(hw):
    stepper = Stepper()
    stepper.configure = lambda speed: ({}, stepper.read_configuration())

    def inner():
        yield from bps.trigger_and_read([stepper])
        yield from bps.configure(stepper, 5)
        yield from bps.trigger_and_read([stepper])

    yield from bpp.run_wrapper(inner())


def two_runs(hw):
    for n in range(2):
        yield from bp.count([hw.det], md={"n": n})


def nested_runs(hw):
    outer = bpp.set_run_key_wrapper(bp.count([hw.det1], 2), "outer")
    yield from outer
    yield from bpp.set_run_key_wrapper(bp.count([hw.det2]), "inner")


def declared(hw):
    def inner():
        yield from bps.declare_stream(hw.det1, hw.det2, name="primary")
        yield from bps.trigger_and_read([hw.det1, hw.det2])

    yield from bpp.run_wrapper(inner())


def interruptions(hw):
    yield from bps.null()
    yield from bp.count([hw.det])


def broken(hw):
    camera = Camera()
    camera.fail_read = OSError("jammed")
    yield from bp.count([camera])


def broken_status(hw):
    camera = Camera()
    camera.fail_trigger = OSError("jammed")
    yield from bp.count([camera])


def wrong_keys(hw):
    camera = FakeCamera()

    def inner():
        yield from bps.trigger_and_read([camera])
        read = camera.read
        camera.read = lambda: {**read(), "surprise": {"value": 1, "timestamp": 0}}
        yield from bps.trigger_and_read([camera])

    yield from bpp.run_wrapper(inner())


PLANS = [
    *(count, scan, list_scan, grid_scan, fly, fly_during, baseline, monitor, suspended, external),
    *(configured, two_runs, nested_runs, declared, interruptions, broken, broken_status),
    wrong_keys,
]


DIFFERS = {"time", "timestamps", "timestamp", "versions", "plan_args", "root", "resource_path"}
UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}")


def comparable(documents):
    """The documents without what differs between runs: identifiers numbered, times dropped."""
    numbers = {}

    def plain(value):
        if isinstance(value, dict):
            return {plain(k): plain(v) for k, v in value.items() if k not in DIFFERS}
        if isinstance(value, (list, tuple)):
            return [plain(v) for v in value]
        if isinstance(value, str):
            value = UID.sub(lambda m: str(numbers.setdefault(m[0], len(numbers))), value)
            return re.sub(r"0x[0-9a-f]+", "address", value)
        return value.tolist() if hasattr(value, "tolist") else value

    return [(name, plain(dict(doc))) for name, doc in documents.all]


def documents_of(engine, plan, call):
    documents = Documents()
    token = engine.subscribe(documents)
    engine.record_interruptions = plan is interruptions
    try:
        outcome = call(plan(devices()))
        outcome = (outcome.exit_status, outcome.reason, outcome.interrupted)
    except (OSError, FailedStatus, KeyError) as error:
        outcome = type(error)
    engine.unsubscribe(token)
    return outcome, comparable(documents)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.__name__)
@pytest.mark.parametrize("validate_all", [False, True])
def test_they_are_those_of_blueskys_engine(engine, plain, plan, validate_all):
    engine.validate_all_events = validate_all
    ours = documents_of(engine, plan, lambda plan: engine(plan).result(timeout=10))
    assert ours == documents_of(plain, plan, plain)
    assert ours[1]
    assert engine.state == "idle"


def test_events_are_checked_and_after_the_first_of_a_descriptor_only_their_keys(
    engine, monkeypatch
):
    checked = []
    validator = event_model.schema_validators[event_model.DocumentNames.event]

    class Counting:
        def validate(self, doc):
            checked.append(doc["seq_num"])
            validator.validate(doc)

    monkeypatch.setitem(event_model.schema_validators, event_model.DocumentNames.event, Counting())
    engine(bp.count([FakeCamera()], 5)).result(timeout=5)
    assert checked == [1]
    checked.clear()
    engine.validate_all_events = True
    engine(bp.count([FakeCamera()], 5)).result(timeout=5)
    assert checked == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("missing", [True, False])
def test_an_event_with_other_keys_than_its_descriptors_is_refused(engine, documents, missing):
    camera = FakeCamera()
    read = camera.read

    def other():
        reading = read()
        if missing:
            del reading["camera"]
        else:
            reading["surprise"] = {"value": 1, "timestamp": 0.0}
        return reading

    def plan():
        yield from bps.open_run()
        yield from bps.trigger_and_read([camera])
        camera.read = other
        try:
            yield from bps.trigger_and_read([camera])
        except (event_model.EventModelError, KeyError) as error:
            refused.append(error)
        camera.read = read
        yield from bps.trigger_and_read([camera])
        yield from bps.close_run()

    refused = []
    engine(plan()).result(timeout=5)
    assert len(refused) == 1
    assert [e["seq_num"] for e in documents.named("event")] == [1, 2]


def test_the_cost_does_not_grow_with_the_run(engine):
    """The messages of the last tenth of a long run cost what those of the first do."""
    camera = FakeCamera()
    times = []
    engine(
        bp.count([camera], 1000), {"event": lambda name, doc: times.append(time.perf_counter())}
    ).result(timeout=30)

    def median_step(some):
        return sorted(b - a for a, b in pairwise(some))[len(some) // 2]

    assert median_step(times[-100:]) < 2 * median_step(times[100:200])


def test_a_pause_gives_the_documents_of_blueskys_engine(engine, plain):
    """Paused between two points, and resumed."""
    hw = devices()

    def steps():
        yield from bps.open_run()
        for n in range(3):
            yield from bps.checkpoint()
            yield from bps.trigger_and_read([hw.det])
            if n == 1:
                yield from bps.pause()
        yield from bps.close_run()

    def documents_of_run(engine, call, resume):
        documents = Documents()
        engine.subscribe(documents)
        engine.record_interruptions = True
        with pytest.raises(RunEngineInterrupted):
            call(steps())
        resume()
        return comparable(documents)

    ours = documents_of_run(
        engine, lambda p: engine(p).result(timeout=5), lambda: engine.resume().result(5)
    )
    theirs = documents_of_run(plain, plain, plain.resume)
    assert ours == theirs


def test_async_devices(engine, documents):
    class Later(FakeCamera):
        async def read(self):
            await asyncio.sleep(0)
            return super().read()

        async def describe(self):
            await asyncio.sleep(0)
            return super().describe()

        async def read_configuration(self):
            return {}

        async def describe_configuration(self):
            return {}

    engine(bp.count([Later()], 3)).result(timeout=5)
    assert len(documents.named("event")) == 3


@pytest.mark.parametrize("how", ["raises", "fails", "hangs", "fails later", "no status"])
@pytest.mark.parametrize("verb", ["set", "trigger", "stash"])
def test_a_device_that_misbehaves(engine, documents, verb, how):
    from napari_skylight.engine import Status

    def answer(*args):
        if how == "raises":
            raise OSError("jammed")
        if how == "no status":
            return None
        status = Status(timeout=0.05 if how == "hangs" else None)
        if how == "fails":
            status.set_exception(OSError("jammed"))
        elif how == "fails later":
            threading.Timer(0.02, status.set_exception, (OSError("jammed"),)).start()
        return status

    device = type("Device", (), {"name": "device", "parent": None, "clear": answer})()
    setattr(device, verb, answer)
    device.describe = device.read = dict

    def plan():
        yield from bps.open_run()
        yield Msg(verb, device, *([{}] if verb in ("set", "stash") else []), group="a")
        yield from bps.wait("a")

    if verb == "set":
        device.stop = lambda success=True: None
    future = engine(plan())
    error = future.exception(timeout=5)
    if how == "raises":
        assert isinstance(error, OSError)
    elif how == "no status":
        assert isinstance(error, TypeError)
    else:
        assert isinstance(error, FailedStatus)
    assert documents.named("stop")[0]["exit_status"] == "fail"
    wait_until(lambda: engine.state == "idle")


class Changing(FakeCamera):
    """A camera with a configuration, which another part of the sensor can be read of."""

    def __init__(self, true=True):
        super().__init__(shape=(4, 5))
        self.true = true

    def describe(self):
        described = super().describe()
        if not self.true:
            described["camera"]["shape"] = [4, 5]
        return described

    def read_configuration(self):
        return {"camera-height": {"value": self.shape[0], "timestamp": 0.0}}

    def describe_configuration(self):
        return {"camera-height": {"source": "", "dtype": "integer", "shape": []}}


def counted_with_changes(engine, camera, shapes):
    def plan():
        yield from bps.open_run()
        for shape in shapes:
            camera.shape = shape
            yield from bps.checkpoint()
            yield from bps.trigger_and_read([camera])
        yield from bps.close_run()

    engine(plan()).result(timeout=10)


def test_frames_of_another_shape_get_another_descriptor(engine, documents):
    shapes = [(4, 5), (4, 5), (2, 5), (2, 5), (4, 5)]
    counted_with_changes(engine, Changing(), shapes)
    descriptors = {each["uid"]: each for each in documents.named("descriptor")}
    assert len(descriptors) == 3
    events = documents.events("primary")
    assert [event["seq_num"] for event in events] == [1, 2, 3, 4, 5]
    for event, shape in zip(events, shapes, strict=True):
        descriptor = descriptors[event["descriptor"]]
        assert tuple(descriptor["data_keys"]["camera"]["shape"]) == shape
        assert event["data"]["camera"].shape == shape
        assert descriptor["configuration"]["camera"]["data"] == {"camera-height": shape[0]}
    assert documents.named("stop")[0]["num_events"] == {"primary": 5}


def test_a_camera_that_describes_itself_wrongly_has_one_descriptor(engine, documents):
    counted_with_changes(engine, Changing(true=False), [(4, 5), (2, 5), (4, 5)])
    assert len(documents.named("descriptor")) == 1
    assert len(documents.events("primary")) == 3
