"""The run buttons: seen on any theme, and one press is one press."""

import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QColor, QKeyEvent
from qtpy.QtWidgets import QApplication

from napari_skylight.session import SessionState

THEMES = {"dark": ("#202020", "#f0f0f0"), "light": ("#f0f0f0", "#202020")}


def brightness_of_icon(button):
    image = button.icon().pixmap(16, 16).toImage()
    pixels = [
        QColor.fromRgba(image.pixel(x, y))
        for x in range(image.width())
        for y in range(image.height())
    ]
    return max(pixel.alpha() and pixel.lightness() for pixel in pixels)


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize("theme", THEMES)
def test_icons_have_the_colour_of_the_theme_in_every_state(person, theme):
    background, text = THEMES[theme]
    person.dock.setStyleSheet(f"QWidget {{ background-color: {background}; color: {text}; }}")
    QApplication.processEvents()

    def bright(name):
        return brightness_of_icon(person.find(name)) > 128

    assert bright("run") is (theme == "dark")
    person.clicks("run")
    person.sees("state", "Running")
    assert bright("pause") is (theme == "dark")
    person.clicks("pause")
    person.sees("state", "Paused")
    assert bright("pause") is (theme == "dark")
    person.clicks("run")
    person.sees("state", "Finished")
    assert bright("run") is (theme == "dark")


def double_click(person, name):
    """Press twice, as fast as a person can: the window system calls the second another thing."""
    button = person.find(name)
    person.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    person.qtbot.mouseDClick(button, Qt.MouseButton.LeftButton)
    person.qtbot.mouseRelease(button, Qt.MouseButton.LeftButton)


@pytest.mark.usefixtures("camera")
def test_a_double_click_is_one_click(person, session):
    states = []
    session.state_changed.connect(states.append)
    double_click(person, "run")
    person.sees("counts", "frames")
    assert states == [SessionState.RUNNING]
    double_click(person, "pause")
    person.sees("state", "Paused")
    double_click(person, "pause")
    person.sees("state", "Running")
    assert states[-1] is SessionState.RUNNING
    double_click(person, "run")
    person.sees("state", "Finished")
    assert session.state is SessionState.IDLE


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize("key", [Qt.Key.Key_Space, Qt.Key.Key_Return])
def test_a_key_held_down_is_pressed_once(person, key):
    run = person.find("run")
    event = QEvent.Type.KeyPress
    for repeated in (False, True, True, True):
        QApplication.sendEvent(run, QKeyEvent(event, key, Qt.KeyboardModifier(0), "", repeated))
    QApplication.sendEvent(
        run, QKeyEvent(QEvent.Type.KeyRelease, key, Qt.KeyboardModifier(0), "", False)
    )
    person.sees("state", "Running")
    person.sees("counts", "frames")
    assert person.text("state") == "Running"


@pytest.mark.usefixtures("camera")
def test_the_keyboard_stays_on_the_button_that_was_pressed(person):
    run = person.find("run")
    for _ in range(3):
        person.qtbot.keyClick(person.dock.focusWidget(), Qt.Key.Key_Space)
        person.sees("state", "Running")
        assert person.dock.focusWidget() is run
        person.qtbot.keyClick(person.dock.focusWidget(), Qt.Key.Key_Space)
        person.sees("state", "Finished")
        person.waits(lambda: person.dock.focusWidget() is run)


@pytest.mark.usefixtures("camera")
def test_there_is_nothing_to_abort_while_nothing_runs(person):
    assert not person.find("ends").isEnabled()
    person.clicks("run")
    person.sees("state", "Running")
    assert person.find("ends").isEnabled()
    person.clicks("ends")
    assert person.find("ends_menu").isVisible()
    person.clicks("run")
    person.sees("state", "Finished")
    person.waits(lambda: not person.find("ends").isEnabled())
    assert not person.find("ends_menu").isVisible()


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize(("downs", "word"), [(1, "Abort: "), (2, "Halt: ")])
def test_a_plan_is_aborted_and_halted_by_keys(person, session, downs, word):
    person.clicks("run")
    person.sees("counts", "frames")
    ends = person.find("ends")
    ends.setFocus()
    person.qtbot.keyClick(ends, Qt.Key.Key_Space)
    menu = person.find("ends_menu")
    for _ in range(downs):
        person.qtbot.keyClick(menu, Qt.Key.Key_Down)
    assert menu.activeAction().text().startswith(word)
    person.qtbot.keyClick(menu, Qt.Key.Key_Return)
    person.sees("state", "Aborted: ")
    assert session.run.exit_status == "abort"
    assert not person.has("error")
