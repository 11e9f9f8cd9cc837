"""The log records: which are captured, and what is left when the captures are closed."""

import logging
import threading

import pytest

from napari_skylight._log_records import MOST_RECORDS, LogCapture, LogRecords

OURS = logging.getLogger("napari_skylight")
BLUESKY = logging.getLogger("bluesky")
NAMES = ("napari_skylight", "bluesky", "ophyd", "ophyd_async")


@pytest.fixture(autouse=True)
def logging_is_restored():
    loggers = [logging.getLogger(name) for name in NAMES]
    before = [logger.level for logger in loggers]
    yield
    assert [logger.level for logger in loggers] == before
    assert not [h for logger in loggers for h in logger.handlers if isinstance(h, LogRecords)]


@pytest.fixture
def capture():
    capture = LogCapture()
    yield capture
    capture.close()


def test_warnings_of_all_loggers_and_our_own_info_are_captured(capture):
    OURS.info("ours")
    BLUESKY.info("not wanted")
    for name in NAMES:
        logging.getLogger(f"{name}.part").warning("from %s", name)
    logging.getLogger("napari").warning("not ours to show")
    entries = capture.records.since(0)
    assert [entry.message for entry in entries] == ["ours", *(f"from {name}" for name in NAMES)]
    assert entries[1].logger == "napari_skylight.part"
    assert entries[0].level == logging.INFO
    assert entries[0].thread == threading.current_thread().name


def test_nothing_is_captured_before_and_after():
    first = LogCapture()
    OURS.warning("one")
    records = first.records
    first.close()
    first.close()
    OURS.warning("two")
    second = LogCapture()
    assert second.records.since(0) == []
    assert [entry.message for entry in records.since(0)] == ["one"]
    second.close()


def test_captures_share_their_records(capture):
    OURS.warning("early")
    later = LogCapture()
    assert later.records is capture.records
    later.close()
    OURS.warning("late")
    assert [entry.message for entry in capture.records.since(0)] == ["early", "late"]


def test_debug_is_captured_while_any_capture_has_that_level(capture):
    other = LogCapture()
    assert not logging.getLogger("bluesky.RE.msg").isEnabledFor(logging.DEBUG)
    capture.level = other.level = logging.DEBUG
    capture.level = logging.INFO
    assert logging.getLogger("bluesky.RE.msg").isEnabledFor(logging.DEBUG)
    BLUESKY.debug("every step")
    assert capture.records.since(0)[-1].message == "every step"
    other.close()
    assert not logging.getLogger("bluesky.RE.msg").isEnabledFor(logging.DEBUG)
    assert OURS.isEnabledFor(logging.INFO)


def test_a_level_set_elsewhere_stays(capture):
    before = BLUESKY.level
    capture.level = logging.DEBUG
    BLUESKY.setLevel(logging.ERROR)
    capture.level = logging.INFO
    assert BLUESKY.level == logging.ERROR
    BLUESKY.setLevel(before)


def test_a_record_holds_text_only(capture):
    class Engine:
        def __str__(self):
            return "an engine"

    engine = Engine()
    try:
        raise ValueError(engine)
    except ValueError:
        BLUESKY.exception("State of %s", engine, extra={"RE": engine})
    (entry,) = capture.records.since(0)
    assert entry.message == "State of an engine"
    assert entry.details.endswith("ValueError: an engine")
    assert not any(isinstance(value, Engine) for value in vars_of(entry))


def vars_of(entry):
    return [getattr(entry, name) for name in entry.__slots__]


def test_the_oldest_records_are_dropped():
    records = LogRecords(most=3)
    for number in range(5):
        records.handle(logging.makeLogRecord({"msg": "%d", "args": (number,), "levelno": 20}))
    assert [entry.message for entry in records.since(0)] == ["2", "3", "4"]
    assert [entry.message for entry in records.since(4)] == ["4"]
    assert records.oldest == 3
    assert MOST_RECORDS == 5000


def test_a_message_that_cannot_be_formatted_does_no_harm(capture, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    capture.records.handle(logging.makeLogRecord({"msg": "%d", "args": ("a",), "levelno": 20}))
    OURS.warning("next")
    assert capture.records.since(0)[-1].message == "next"


def test_warnings_are_printed_where_there_is_no_other_handler(capture, capsys, monkeypatch):
    monkeypatch.setattr(OURS, "propagate", False)  # pytest listens at the root
    OURS.warning("The light is on.")
    OURS.info("not printed before either")
    assert capsys.readouterr().err == "The light is on.\n"
