"""GS1 element strings: one scanned text into its elements, each checked. Pure.

Rules of this file
- Only `Gs1Error` is raised, and its message says which element is wrong and why.
- An element of predefined length needs no separator; every other one ends at GS (FNC1, 0x1D) or
  at the end. A separator that is not needed does no harm.
- A date is a day: day 00 is the month's last one. The century is the one within fifty years of
  the day of the scan (GS1 General Specifications, 7.12).

    (01)09501101530003 (17)250600 (3103)001250 (10)AB-123
     01 09501101530003  17 250600  3103 001250  10 AB-123        what the scanner sends
     GTIN               2025-06-30 1.250 kg     batch
"""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Iterable

import msgspec

from banksman_drivers.serial_line.barcode_check import check_flaw, is_digits
from banksman_drivers.serial_line.gs1_table import (
    IDENTIFIERS,
    PREDEFINED,
    WITH_DECIMALS,
    Identifier,
)

GS = "\x1d"


class Gs1Error(ValueError):
    """The text is no GS1 element string; the message names the element."""


class Element(msgspec.Struct, frozen=True):
    """One element. ``ai`` as sent, with its digit for decimals (``3103``); ``text`` as sent.

    ``number`` where it is one, in the identifier's ``unit``; ``date`` where it is one.
    """

    ai: str
    title: str
    text: str
    unit: str = ""
    number: float | None = None
    date: datetime.date | None = None


def parse(text: str, today: datetime.date) -> list[Element]:
    """Every element of ``text``, in its order. Raises Gs1Error; an identifier occurs once."""
    elements: list[Element] = []
    seen: set[str] = set()
    at = 1 if text.startswith(GS) else 0
    while at < len(text):
        identifier, ai = _identify(text, at)
        if ai in seen:
            raise Gs1Error(f"({ai}) occurs twice")
        seen.add(ai)
        at += len(ai)
        end = _end(text, at, ai)
        elements.append(_element(identifier, ai, text[at:end], today))
        at = end + 1 if text[end : end + 1] == GS else end
    if not elements:
        raise Gs1Error("empty")
    return elements


def encode(elements: Iterable[tuple[str, str]]) -> str:
    """The element string of (identifier, value) pairs, with a separator only where one is needed.

    The values are not checked: `parse` does that.
    """
    pairs = list(elements)
    text = ""
    for place, (ai, value) in enumerate(pairs):
        more = place + 1 < len(pairs)
        text += ai + value + (GS if more and ai[:2] not in PREDEFINED else "")
    return text


def written(elements: Iterable[Element]) -> str:
    """As people write it: ``(01)09501101530003(10)AB-123``."""
    return "".join(f"({element.ai}){element.text}" for element in elements)


def _identify(text: str, at: int) -> tuple[Identifier, str]:
    for length in (2, 3, 4):
        identifier = IDENTIFIERS.get(text[at : at + length])
        if identifier is None:
            continue
        if identifier.ai not in WITH_DECIMALS:
            return identifier, identifier.ai
        digit = text[at + length : at + length + 1]
        if is_digits(digit):
            return identifier, identifier.ai + digit
    raise Gs1Error(f"no application identifier begins with {text[at : at + 4]!r}")


def _end(text: str, at: int, ai: str) -> int:
    """Where the value that begins at ``at`` ends."""
    whole = PREDEFINED.get(ai[:2])
    if whole is not None:
        return min(len(text), at + whole - len(ai))
    found = text.find(GS, at)
    return len(text) if found < 0 else found


def _element(identifier: Identifier, ai: str, value: str, today: datetime.date) -> Element:
    if re.fullmatch(identifier.pattern, value) is None:
        raise Gs1Error(
            f"({ai}) {identifier.title} cannot be {value[:40]!r};"
            " is the scanner set to send its separators (GS)?"
        )
    if identifier.check:
        flaw = check_flaw(value[: identifier.check])
        if flaw:
            raise Gs1Error(f"({ai}) {flaw}")
    number = None
    if identifier.number:
        decimals = int(ai[-1]) if identifier.ai in WITH_DECIMALS else 0
        number = int(value) / 10**decimals
    return Element(
        ai=ai,
        title=identifier.title,
        text=value,
        unit=identifier.unit,
        number=number,
        date=_date(ai, value, today) if identifier.date else None,
    )


def _date(ai: str, value: str, today: datetime.date) -> datetime.date:
    short, month, day = int(value[:2]), int(value[2:4]), int(value[4:])
    apart = short - today.year % 100
    century = today.year // 100 + (-1 if apart >= 51 else 1 if apart <= -50 else 0)
    year = century * 100 + short
    try:
        return datetime.date(year, month, day or calendar.monthrange(year, month)[1])
    except (ValueError, calendar.IllegalMonthError):
        raise Gs1Error(f"({ai}) {value} is no date") from None
