"""A plan's docstring for the screen: without markup, types and sections."""

from __future__ import annotations

import re
from collections.abc import Mapping

import docstring_parser

from napari_skylight.plans.spec import PlanSpec

_ROLE = re.compile(r":[\w:]+:(?=`)")
_MARKED = re.compile(r"(?<!\w)(\*\*|\*|``|`)(?=\S)(.+?)(?<=\S)\1(?!\w)", re.DOTALL)


def summary_of(docs: str) -> str:
    """Return the summary line of a docstring."""
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
