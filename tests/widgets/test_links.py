"""Signals from any thread, delivered on the GUI thread until they are cut."""

import gc
import threading
import weakref

import pytest
from psygnal import Signal
from qtpy.QtCore import QObject

from napari_skylight.widgets._signal_links import Links


class Source:
    happened = Signal(int)


class Listener(QObject):
    def __init__(self):
        super().__init__()
        self.threads = []
        self.links = Links(self)

    def hear(self):
        self.threads.append(threading.current_thread())


def emit_elsewhere(source):
    thread = threading.Thread(target=source.happened.emit, args=(1,))
    thread.start()
    thread.join(timeout=5)


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def listener(qapp, source):
    listener = Listener()
    listener.links.connect(source.happened, listener.hear)
    return listener


def test_a_signal_of_another_thread_is_delivered_on_the_gui_thread(qtbot, source, listener):
    emit_elsewhere(source)
    assert listener.threads == []
    qtbot.waitUntil(lambda: len(listener.threads) == 1, timeout=5000)
    source.happened.emit(1)
    assert listener.threads == [threading.main_thread()] * 2


def test_a_pending_delivery_is_dropped_when_links_are_cut(qapp, source, listener):
    emit_elsewhere(source)
    listener.links.cut()
    qapp.processEvents()
    source.happened.emit(1)
    assert listener.threads == []
    assert len(source.happened) == 0


def test_fast_emissions_are_coalesced_and_the_last_is_delivered(qtbot, source, listener):
    for _ in range(50):
        emit_elsewhere(source)
    qtbot.waitUntil(lambda: bool(listener.threads), timeout=5000)
    assert len(listener.threads) == 1
    emit_elsewhere(source)
    qtbot.waitUntil(lambda: len(listener.threads) == 2, timeout=5000)


def test_links_that_were_cut_stay_cut(source, listener):
    listener.links.clear()
    listener.links.connect(source.happened, listener.hear)
    assert len(source.happened) == 1
    listener.links.cut()
    listener.links.connect(source.happened, listener.hear)
    assert len(source.happened) == 0


def test_links_keep_no_widget_alive(qapp, source, listener):
    short_lived = Listener()
    short_lived.links.connect(source.happened, short_lived.hear)
    gone = weakref.ref(short_lived)
    del short_lived
    gc.collect()
    assert gone() is None
    assert len(source.happened) == 1
