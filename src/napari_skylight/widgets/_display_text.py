"""Text on screen: times, sizes, states and docstrings, and the labels that show it as it is."""

from __future__ import annotations

import html
import re
import textwrap
import time
from collections.abc import Mapping
from typing import TypeVar

import docstring_parser
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel
from superqt import QElidingLabel

from napari_skylight.engine.actions import Action
from napari_skylight.plans.spec import PlanSpec, sentence_case
from napari_skylight.session import RunInfo, SessionState

_STATES = {
    SessionState.IDLE: "Idle",
    SessionState.RUNNING: "Running",
    SessionState.PAUSING: "Pausing…",
    SessionState.PAUSED: "Paused",
    SessionState.STOPPING: "Stopping…",
    SessionState.FAILED: "Failed",
}
_ENDINGS = {
    "success": "Finished",
    "abort": "Aborted",
    "fail": "Failed",
    "interrupted": "Interrupted",
}


def state_text(state: SessionState) -> str:
    return _STATES[state]


def outcome_text(exit_status: str) -> str:
    """Return how a run ended, an empty text before it has."""
    return _ENDINGS.get(exit_status, "")


def outcome_summary(run: RunInfo, brought: str = "") -> str:
    """Return how a run ended and when: "Finished: 40 frames in 0:12"."""
    after = duration(run.seconds)
    word = outcome_text(run.exit_status)
    counted = brought and run.exit_status != "fail"
    return f"{word}: {brought} in {after}" if counted else f"{word} after {after}"


def status_of(run: RunInfo, state: SessionState) -> str:
    """Return how a run ended and why, or its present state."""
    if run.ended is None:
        return state_text(state if state.busy else SessionState.RUNNING)
    word = outcome_text(run.exit_status)
    return f"{word}: {run.reason}" if run.reason else word


def time_of(run: RunInfo) -> str:
    """Return when a run started: the time, preceded by the date if it was not today."""
    started, now = time.localtime(run.started), time.localtime()
    if started[0] != now[0]:
        return time.strftime("%Y-%m-%d %H:%M", started)
    day = "" if started[:3] == now[:3] else "%m-%d "
    return time.strftime(f"{day}%H:%M:%S", started)


def duration(seconds: float) -> str:
    """Return a time as m:ss, or h:mm:ss."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count_of(number: int, noun: str) -> str:
    """Return "1 event", "2 events", "1,204 events"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def frames(number: int) -> str:
    return count_of(number, "frame")


def rate(per_second: float) -> str:
    """Return a rate with one decimal below 100: "59.8", "160"."""
    return f"{per_second:.1f}" if per_second < 99.95 else f"{per_second:.0f}"


def size(nbytes: float) -> str:
    """Return a number of bytes in kB, MB or GB, with at least two digits."""
    for unit in ("kB", "MB", "GB"):
        nbytes /= 1000
        if nbytes < 999.5 or unit == "GB":
            break
    return f"{nbytes:.0f} {unit}" if nbytes >= 9.95 else f"{nbytes:.2g} {unit}"


def action_caption(action: Action) -> str:
    """Return the caption of an action, with the state of a toggle or the number of requests."""
    name, state = sentence_case(action.name), action.state
    if action.togglable:
        waits = " …" if state.pending else ""
        return f"{name}: {action.toggle_states[0 if state.on else 1]}{waits}"
    return f"{name} ({action.unanswered})" if action.unanswered else name


_ROLE = re.compile(r":[\w:]+:(?=`)")
_MARKED = re.compile(r"(?<!\w)(\*\*|\*|``|`)(?=\S)(.+?)(?<=\S)\1(?!\w)", re.DOTALL)


def summary_of(docs: str) -> str:
    return _plain(docs.strip().partition("\n\n")[0])


def meanings_of(docs: str) -> dict[str, str]:
    """Return the description of each parameter in a numpy or google docstring, on one line."""
    parsed = _parse(docs)
    return {
        name.strip().lstrip("*"): _plain(param.description or "")
        for param in (parsed.params if parsed is not None else ())
        for name in param.arg_name.split(",")
    }


def description_of(spec: PlanSpec) -> str:
    """Return the text of a plan's docstring and the description of each field of its form."""
    parsed = _parse(spec.docs)
    if parsed is None:
        return spec.docs
    prose = [_plain(parsed.short_description or "")]
    prose += map(_plain, (parsed.long_description or "").split("\n\n"))
    meanings: Mapping[str, str] = meanings_of(spec.docs)
    prose += [
        f"{param.label}: {meanings[param.name]}"
        for param in spec.parameters
        if param.has_field and meanings.get(param.name)
    ]
    return "\n\n".join(filter(None, prose))


def _parse(docs: str) -> docstring_parser.Docstring | None:
    try:
        return docstring_parser.parse(docs)
    except docstring_parser.ParseError:
        return None


def _plain(text: str) -> str:
    return _MARKED.sub(r"\2", _ROLE.sub("", " ".join(text.split())))


_Label = TypeVar("_Label", bound=QLabel)

_BREAK = "\N{ZERO WIDTH SPACE}"
_LONG_WORD = re.compile(r"\S{20,}")
_PIECE = re.compile(r".{1,12}")
_TIP_WIDTH = 60  # letters in a line: Qt does not wrap tooltips
_MOST_LETTERS = 1000  # a tooltip higher than the screen cannot be read to its end


def breakable(text: str) -> str:
    """Return `text` with places to wrap long words, such as paths, in a label."""
    return _LONG_WORD.sub(lambda word: _BREAK.join(_PIECE.findall(word.group())), text)


def text_label(text: str = "", *, name: str = "", wrap: bool = False) -> QLabel:
    """Return a label without the indent that Qt gives to styled ones."""
    label = QLabel(text)
    label.setWordWrap(wrap)
    return _as_plain_text(label, name)


def eliding_label(name: str) -> QElidingLabel:
    """Return a label of one line, elided where the text is wider."""
    return _as_plain_text(QElidingLabel(), name)


def plain_tip(text: str) -> str:
    """Return `text` as a wrapped tooltip that Qt does not take for rich text."""
    cut = text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"
    tip = "\n".join(textwrap.fill(line, _TIP_WIDTH) for line in cut.splitlines())
    if "<" in tip or "&lt;" in tip:  # Qt takes some of these for rich text
        return f'<p style="white-space: pre">{html.escape(tip, quote=False)}</p>'
    return tip


def plain_caption(text: str) -> str:
    """Return `text` for a button, check box or buddy label, where a single & underlines."""
    return text.replace("&", "&&")


def _as_plain_text(label: _Label, name: str) -> _Label:
    label.setObjectName(name)
    label.setIndent(0)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
