"""The colours of channels."""

from __future__ import annotations

import re

_NAMES = {
    "blue": "dapi hoechst bfp ebfp tagbfp",
    "cyan": "cfp ecfp cerulean turquoise mturquoise",
    "green": "gfp egfp sfgfp mgfp fitc fluo neongreen mneongreen bodipy calcein",
    "yellow": "yfp eyfp venus mvenus citrine",
    "bop orange": "cy3 orange morange tritc rhodamine tmr tdtomato",
    "red": "rfp mrfp tagrfp cherry mcherry dsred scarlet mscarlet ruby mruby texasred jf549 pi",
    "magenta": "cy5 cy7 farred irfp sir draq5 mkate",
    "gray": "bf brightfield bright transmitted transmission trans td dic phase ph white",
}
_COLOURS = {name: colour for colour, names in _NAMES.items() for name in names.split()}
# By the excitation wavelength, in nm, which lasers and dyes (Alexa 488, ATTO 647) are named after.
_UP_TO = {430: "blue", 460: "cyan", 505: "green", 535: "yellow", 555: "bop orange", 620: "red"}
_OTHERS = ("magenta", "green", "cyan", "yellow", "red", "blue")


class ChannelColours:
    """Finds a colormap for each channel by its name; unknown names cycle through six colours."""

    def __init__(self) -> None:
        self._others: dict[str, str] = {}

    def colormap(self, channel: str) -> str:
        """Return the name of a colormap, always the same for a channel."""
        words = re.findall(r"[a-z]+\d*[a-z]*|\d+", channel.casefold())
        for word in ("".join(words), *words):
            for name in (word, word.rstrip("0123456789")):
                if name in _COLOURS:
                    return _COLOURS[name]
        wavelength = re.search(r"(?<!\d)[4-7]\d\d(?!\d)", channel)
        if wavelength is not None:
            nm = int(wavelength.group())
            return next((colour for limit, colour in _UP_TO.items() if nm <= limit), "magenta")
        turn = len(self._others) % len(_OTHERS)
        return self._others.setdefault(channel, _OTHERS[turn])
