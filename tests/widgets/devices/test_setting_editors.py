"""Settings in the devices dock, changed as a person does."""

import pytest
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd_async.core import Device, soft_signal_rw
from qtpy.QtCore import QLocale, Qt


def newest(session, key):
    """Return what the newest live frame says of `key`."""
    (cache,) = [cache for cache in session.caches if cache.kind == "live"]
    reader = cache.reader()
    taken = reader.take("camera") if "camera" in reader.keys else None
    return None if taken is None or taken.frame is None else taken.frame.metadata.get(key)


def test_exposure_is_set_while_live_view_runs(scope, person, session):
    session.start("live_view", {"cameras": ["camera"]})
    person.enters("setting:camera.exposure", "35")
    person.waits(lambda: newest(session, "camera-exposure") == 35.0)
    person.enters("setting:camera.gain", "2.5")
    person.waits(lambda: newest(session, "camera-gain") == 2.5)
    assert session.state.busy


def test_a_number_goes_step_by_step_with_the_arrow_keys(scope, person, session):
    person.sees("setting:camera.gain", "1")
    person.press("setting:camera.gain", Qt.Key.Key_Up)
    person.waits(lambda: scope["camera"].gain.value > 1)
    person.waits(
        lambda: person.find("setting:camera.gain").number_or_none() == scope["camera"].gain.value
    )


def test_nothing_is_set_before_it_is_entered(bench, person):
    person.sees("setting:camera.exposure", "20 ms")
    person.types("setting:camera.exposure", "55")
    assert bench.exposure.asked == []
    person.find("search").setFocus()
    person.waits(lambda: bench.exposure.asked == [55.0])


def test_escape_gives_up_what_was_typed(bench, person):
    person.sees("setting:camera.exposure", "20 ms")
    person.types("setting:camera.exposure", "55")
    person.press("setting:camera.exposure", Qt.Key.Key_Escape)
    assert person.text("setting:camera.exposure") == "20 ms"
    person.press("setting:camera.exposure", Qt.Key.Key_Return)
    assert bench.exposure.asked == []


def test_what_the_hardware_refuses_goes_back_and_says_why(bench, person, session):
    session.start("live_view", {"cameras": ["camera"]})
    reported = []
    session.reported.connect(reported.append)
    person.sees("setting:camera.exposure", "20 ms")
    person.enters("setting:camera.exposure", "12000")
    person.sees("refusal:camera.exposure", "Exposure 12000 ms is above the camera's 10000 ms.")
    person.sees("setting:camera.exposure", "20 ms")
    assert bench.exposure.value == 20.0
    assert session.state.busy
    assert not any(reported)  # neither a notification nor in Plan control
    person.enters("setting:camera.exposure", "30")
    person.waits(lambda: not person.shows("refusal:camera.exposure"))
    person.waits(lambda: bench.exposure.value == 30.0)
    person.sees("setting:camera.exposure", "30 ms")
    assert bench.exposure.asked == [12000.0, 30.0]


def test_why_a_value_was_refused_is_scrolled_into_view(bench, session, open_dock):
    person = open_dock()
    person.sees("setting:camera.exposure", "20 ms")
    person.dock.resize(300, person.dock.minimumSizeHint().height())
    person.enters("setting:camera.exposure", "12000")
    person.waits(lambda: person.shows("refusal:camera.exposure"))
    label = person.find("refusal:camera.exposure")
    person.waits(lambda: label.visibleRegion().boundingRect().bottom() == label.rect().bottom())


def test_a_refusal_goes_when_the_value_changes(bench, person, session):
    person.sees("setting:camera.exposure", "20 ms")
    person.enters("setting:camera.exposure", "12000")
    person.waits(lambda: person.shows("refusal:camera.exposure"))
    session.set("camera.exposure", 40).result(timeout=5)
    person.waits(lambda: not person.shows("refusal:camera.exposure"))


def test_stop_motion_is_red_while_something_moves_and_stops_it(scope, person, session):
    button = person.find("stop-motion")
    person.chooses("stage")
    person.sees("setting:stage.x", "0 µm")
    assert button.isEnabled()
    still = button.palette().buttonText().color()
    session.set("stage.x.velocity", 10.0).result(timeout=5)
    person.enters("setting:stage.x", "1000")
    person.waits(lambda: button.palette().buttonText().color() != still)
    assert button.palette().buttonText().color().red() > 150
    person.press("stop-motion", Qt.Key.Key_Space)
    person.waits(lambda: not session.is_moving)
    person.waits(lambda: button.palette().buttonText().color() == still)
    person.sees("now:stage.x", "")
    assert 0 <= person.find("setting:stage.x").number_or_none() < 500


def test_stop_motion_stops_a_move_of_the_plan(scope, person, session):
    def far() -> MsgGenerator[None]:
        yield from bps.mv(scope["stage"].x, 1000.0)

    session.set("stage.x.velocity", 10.0).result(timeout=5)
    button = person.find("stop-motion")
    still = button.palette().buttonText().color()
    session.add_plan(far)
    session.start("far")
    person.waits(lambda: button.palette().buttonText().color() != still)
    person.press("stop-motion", Qt.Key.Key_Space)
    person.waits(lambda: not session.state.busy)
    person.waits(lambda: button.palette().buttonText().color() == still)


def test_the_limits_of_the_device_are_those_of_the_field(scope, person, session):
    person.sees("setting:camera.exposure", "20 ms")
    person.enters("setting:camera.exposure", "12000")
    person.sees("setting:camera.exposure", "20 ms")
    assert scope["camera"].exposure.value == 20
    person.sees("setting:camera.roi_x", "0 px")
    assert person.find("setting:camera.roi_x").bounds.high == 0
    person.enters("setting:camera.roi_width", "40")
    person.waits(lambda: person.find("setting:camera.roi_x").bounds.high == 24)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("5 mm", "'5 mm' is not a number in ms."),
        ("", "Nothing was set: enter a number in ms."),
        ("-", "'-' is not a number in ms."),
        ("1e", "'1e' is not a number in ms."),
        ("1 00", "'1 00' is not a number in ms."),
        ("1.234,5", "'1.234,5' is not a number in ms."),
        ("1,000", "'1,000' may be 1.000 or 1000: enter one of these."),
        ("nan", "'nan' is not a number in ms."),
        ("9" * 50 + "x", f"'{'9' * 40}…' is not a number in ms."),
    ],
)
def test_text_that_is_not_a_number_in_the_unit_is_refused_in_red(bench, person, typed, reason):
    person.sees("setting:camera.exposure", "20 ms")
    person.enters("setting:camera.exposure", typed)
    person.sees("refusal:camera.exposure", reason)
    assert person.find("refusal:camera.exposure").palette().windowText().color().red() > 150
    person.sees("setting:camera.exposure", "20 ms")
    assert bench.exposure.asked == []
    person.types("setting:camera.exposure", "3")
    person.waits(lambda: not person.shows("refusal:camera.exposure"))
    person.press("setting:camera.exposure", Qt.Key.Key_Return)
    person.waits(lambda: bench.exposure.asked == [3.0])


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("12,5", 12.5),
        ("1 000", 1000.0),
        ("1\N{THIN SPACE}000,5", 1000.5),
        ("1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567.5", 1234567.5),
        ("0,125", 0.125),
        ("1e-9", 1e-9),
        ("-3 ms", -3.0),
        ("\N{MINUS SIGN}3", -3.0),
    ],
)
def test_decimal_commas_thousands_and_the_own_unit_are_read(bench, person, typed, number):
    person.sees("setting:camera.exposure", "20 ms")
    person.enters("setting:camera.exposure", typed)
    person.waits(lambda: bench.exposure.asked == [number])


def test_a_decimal_comma_is_the_users_where_the_language_has_it(bench, person):
    person.sees("setting:camera.exposure", "20 ms")
    person.find("setting:camera.exposure").setLocale(QLocale(QLocale.Language.German))
    person.enters("setting:camera.exposure", "1.000")
    person.sees("refusal:camera.exposure", "'1.000' may be 1,000 or 1000: enter one of these.")
    person.enters("setting:camera.exposure", "1,125")
    person.waits(lambda: bench.exposure.asked == [1.125])


def test_a_red_line_goes_when_the_present_value_is_entered(bench, person):
    person.sees("setting:camera.exposure", "20 ms")
    person.enters("setting:camera.exposure", "5 mm")
    person.waits(lambda: person.shows("refusal:camera.exposure"))
    person.enters("setting:camera.exposure", "2e1")
    assert not person.shows("refusal:camera.exposure")
    assert bench.exposure.asked == []


def test_the_same_refusal_of_the_hardware_is_shown_again(bench, person):
    person.sees("setting:camera.exposure", "20 ms")
    for number in (1, 2):
        person.enters("setting:camera.exposure", "12000")
        person.sees("refusal:camera.exposure", "Exposure 12000 ms is above the camera's 10000 ms.")
        assert len(bench.exposure.asked) == number
        person.sees("setting:camera.exposure", "20 ms")
        person.types("setting:camera.exposure", "1")
        assert not person.shows("refusal:camera.exposure")


def test_an_arrow_key_in_an_emptied_or_unreadable_field_moves_nothing_far(bench, person):
    person.sees("setting:camera.exposure", "20 ms")
    person.types("setting:camera.exposure", "5 mm")
    person.press("setting:camera.exposure", Qt.Key.Key_Up)
    assert bench.exposure.asked == []
    person.types("setting:camera.exposure", "")
    person.press("setting:camera.exposure", Qt.Key.Key_Up)
    person.waits(lambda: bench.exposure.asked == [21.0])


def test_a_change_under_way_shows_what_was_entered_and_that_it_is_not_there(bench, person):
    person.sees("setting:camera.exposure", "20 ms")
    bench.exposure.waiting = []
    person.enters("setting:camera.exposure", "50")
    person.sees("now:camera.exposure", "20.0")
    assert person.text("setting:camera.exposure") == "50 ms"
    person.waits(lambda: bool(bench.exposure.waiting))
    bench.exposure.value = 50.0
    bench.exposure.waiting[0].set_finished()
    person.sees("now:camera.exposure", "")
    assert person.text("setting:camera.exposure") == "50 ms"


def test_a_stage_shows_where_it_is_as_it_moves(scope, person):
    person.chooses("stage")
    person.sees("setting:stage.x", "0 µm")
    seen = set()
    person.enters("setting:stage.x", "400")

    def has_arrived():
        seen.add(person.text("now:stage.x"))
        return scope["stage"].x.position == 400.0 and not person.text("now:stage.x")

    person.waits(has_arrived)
    assert len([float(text) for text in seen if text]) > 2
    person.sees("setting:stage.x", "400 µm")


def test_focus_is_set(scope, person):
    person.chooses("focus")
    person.enters("setting:focus", "3.5")
    person.waits(lambda: scope["focus"].position == 3.5)
    person.sees("setting:focus", "3.5 µm")


def test_the_light_is_switched_with_the_space_bar(scope, person):
    person.chooses("light")
    person.sees("setting:light", "off")
    person.press("setting:light", Qt.Key.Key_Space)
    person.sees("setting:light", "on")
    assert person.find("setting:light").isChecked()
    assert scope["light"].level > 0
    person.qtbot.mouseClick(person.find("setting:light"), Qt.MouseButton.LeftButton)
    person.sees("setting:light", "off")
    assert scope["light"].level == 0


def test_a_light_that_does_not_say_is_not_known(light, person):
    person.sees("setting:light", "unknown")
    person.press("setting:light", Qt.Key.Key_Space)
    person.sees("setting:light", "off")
    person.press("setting:light", Qt.Key.Key_Space)
    person.sees("setting:light", "on")
    assert light.history == [False, True]


def test_a_channel_is_chosen_from_a_list(scope, person):
    person.chooses("light")
    person.sees("setting:light.channel", "GFP")
    person.press("setting:light.channel", Qt.Key.Key_Up)
    person.waits(lambda: scope["light"].channel.value.value == "DAPI")
    person.sees("setting:light.channel", "DAPI")


def test_a_choice_of_numbers_is_set_as_a_number(scope, person, session):
    person.sees("setting:camera.binning", "1")
    person.press("setting:camera.binning", Qt.Key.Key_Down)
    person.waits(lambda: scope["camera"].binning.value == 2)


def test_what_is_being_typed_is_left_alone(scope, person, session):
    person.sees("setting:camera.exposure", "20 ms")
    person.types("setting:camera.exposure", "6")
    session.set("camera.exposure", 77.0).result(timeout=5)
    session.set("camera.gain", 3.0).result(timeout=5)
    person.sees("setting:camera.gain", "3")
    assert person.text("setting:camera.exposure").startswith("6")
    person.press("setting:camera.exposure", Qt.Key.Key_Escape)
    person.sees("setting:camera.exposure", "77 ms")


def test_text_and_flags_are_set(session, open_dock):
    class Box(Device):
        def __init__(self):
            self.note = soft_signal_rw(str, "dry")
            self.flag = soft_signal_rw(bool, False)
            self.count = soft_signal_rw(int, 3)
            super().__init__("box")

    box = Box()
    session.add_device(box).result(timeout=5)
    person = open_dock()
    person.sees("setting:box.note", "dry")
    person.enters("setting:box.note", "wet")
    person.press("setting:box.flag", Qt.Key.Key_Space)
    person.enters("setting:box.count", "5")
    person.sees("setting:box.flag", "on")
    person.sees("setting:box.note", "wet")
    person.sees("setting:box.count", "5")
    person.types("setting:box.note", "torn")
    person.press("setting:box.note", Qt.Key.Key_Escape)
    person.sees("setting:box.note", "wet")


def test_a_change_is_seen_to_its_end_after_looking_elsewhere(scope, person):
    person.chooses("stage")
    person.enters("setting:stage.y", "150")
    person.chooses("camera")
    person.sees("setting:camera.exposure", "20 ms")
    person.chooses("stage")
    person.waits(lambda: scope["stage"].y.position == 150.0)
    person.sees("setting:stage.y", "150 µm")
    person.sees("now:stage.y", "")
