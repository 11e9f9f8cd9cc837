"""The shapes on the run buttons are seen on any theme."""

import pytest
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QApplication

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
