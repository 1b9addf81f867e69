"""MT-SICS, the command set of Mettler-Toledo scales: one line of answer, read. Pure.

Rules of this file
- Only `SicsError` is raised.
- Source: MT-SICS Interface Commands, reference manual 30014405, chapters 2 and 3.

    S S     100.00 g      stable            S I   busy, or not stable in time
    S D     129.07 g      dynamic           S +   overload      S -   underload
    T S      12.30 g      tared             Z A   zeroed        ES ET EL   not understood
"""

from __future__ import annotations

import math
import re

import msgspec

from banksman_drivers.serial_line.weight import Weight

_LINE = re.compile(r"([A-Z@][A-Z0-9]{0,7})(?: (.*))?")
_WEIGHT = re.compile(r"([SD]) +([-+]?) *([0-9]{1,12}(?:\.[0-9]{0,9})?) *([^\s0-9]\S{0,4})? *")
_STATES = {"+": "overload", "-": "underload", "I": "busy"}
ERRORS = {
    "ES": "the scale does not know the command",
    "ET": "the scale received a broken command: check baud rate and parity",
    "EL": "the scale cannot do that now: its logic refuses it",
}
_REFUSALS = {
    "I": "the scale is busy, or did not become stable in time",
    "L": "the scale understood the command and refused its parameter",
    "+": "the load is over the range for that",
    "-": "the load is under the range for that",
}


class SicsError(ValueError):
    """The line is no MT-SICS answer."""


class Answer(msgspec.Struct, frozen=True):
    """One line. ``word`` names the command that it answers; ``status`` is what follows it."""

    word: str
    status: str
    weight: Weight | None = None
    text: str = ""

    @property
    def refusal(self) -> str:
        """Empty when the command was carried out, otherwise why not."""
        return ERRORS.get(self.word) or _REFUSALS.get(self.status, "")


def parse(line: bytes) -> Answer:
    """Read one line without its end. Raises SicsError."""
    try:
        text = line.decode("ascii")
    except UnicodeDecodeError:
        raise SicsError("not ASCII: check baud rate and parity") from None
    found = _LINE.fullmatch(text.rstrip(" "))
    if found is None:
        raise SicsError(f"{text[:40]!r} is no MT-SICS answer")
    word, rest = found[1], found[2] or ""
    if not rest:
        if word not in ERRORS:
            raise SicsError(f"{text[:40]!r} has no status")
        return Answer(word, "")
    status = rest[0]
    if rest[1:2] not in ("", " "):
        raise SicsError(f"{text[:40]!r} has no status")
    return Answer(word, status, _weight(word, rest), rest[2:].strip())


def _weight(word: str, rest: str) -> Weight | None:
    """The weight that an answer to a weighing command carries."""
    if word in ("S", "SU", "T", "TI", "TA"):
        found = _WEIGHT.fullmatch(rest)
        if found is not None:
            value = float(f"{found[2]}{found[3]}")
            return Weight("stable" if found[1] == "S" else "dynamic", value, found[4] or "")
        if rest in _STATES:
            # One of the three words of the table, which the type cannot know.
            return msgspec.convert({"state": _STATES[rest], "value": math.nan}, Weight)
        if word == "S" and rest[0] in "SDI+-":
            raise SicsError(f"'{word} {rest[:40]}' holds no weight")
    return None
