"""What a barcode scanner sends, read: symbology, text, item number, elements, and its flaw. Pure.

Rules of this file
- Nothing raises, whatever bytes come: a code that is wrong is a `Code` with its flaw in words.
- The AIM prefix (ISO/IEC 15424: ``]`` code modifier) tells the symbology. A scanner that does not
  send it, as a keyboard wedge does not, leaves guessing: `Assume` says what to take a code for.
- An item number (GTIN) fits the 53 bits of a double, so rules can compare it as a number.

    ]E04006381333931     EAN-13                  ]C1010950110153000310AB     GS1-128
    ]E496385074          EAN-8                   ]d2…  ]Q3…  ]e0…            GS1 in 2-D, DataBar
    ]I118901234567897    ITF with check digit    ]C0…  ]A0…                  plain text
"""

from __future__ import annotations

import datetime
from typing import Literal

import msgspec

from banksman_drivers.serial_line.barcode_check import (
    ITEM_LENGTHS,
    check_flaw,
    expand_upc_e,
    is_digits,
)
from banksman_drivers.serial_line.gs1 import GS, Element, Gs1Error, parse, written

Assume = Literal["item", "gs1", "text"]

TEXT_MAX = 256
UNREADABLE = "not readable: check baud rate and parity"

# AIM code characters (ISO/IEC 15424, annex): the first of the prefix's two.
_SYMBOLOGIES = {
    "A": "Code 39", "B": "Telepen", "C": "Code 128", "E": "EAN/UPC", "F": "Codabar",
    "G": "Code 93", "H": "Code 11", "I": "ITF", "L": "PDF417", "M": "MSI", "Q": "QR",
    "R": "Straight 2 of 5", "S": "Industrial 2 of 5", "U": "MaxiCode", "X": "other",
    "Z": "keyboard", "d": "Data Matrix", "e": "GS1 DataBar", "z": "Aztec", "J": "DotCode",
}  # fmt: skip
_GS1_PREFIXES = frozenset({"C1", "e0", "e1", "e2", "d2", "Q3", "J1"})
_ADD_ONS = {"E1": 2, "E2": 5}  # these carry the add-on alone
_WEDGE = "".join(map(chr, range(0x20))).replace(GS, "") + "\x7f"


class Code(msgspec.Struct, frozen=True):
    """One scanned code. ``flaw`` is empty when it is right as far as it can be checked.

    ``text`` is what people read: GS1 elements in brackets. ``gtin`` is the item number.
    """

    symbology: str
    text: str
    flaw: str = ""
    gtin: int | None = None
    elements: tuple[Element, ...] = ()

    def element(self, ai: str) -> Element | None:
        """The element of an identifier; ``310`` finds ``3103`` as well."""
        for element in self.elements:
            if element.ai == ai or (len(ai) == 3 and ai[0] == "3" and element.ai[:3] == ai):
                return element
        return None


def read_code(data: bytes, today: datetime.date, assume: Assume = "item") -> Code:
    """Read what one scan has sent, without the bytes that framed it."""
    if len(data) > TEXT_MAX:
        return Code("unknown", _shown(data[:80].decode("latin-1")), f"over {TEXT_MAX} bytes long")
    try:
        text = data.decode("utf-8").strip(_WEDGE)
    except UnicodeDecodeError:
        return Code("unknown", _shown(data.decode("latin-1")), UNREADABLE)
    if not text:
        return Code("unknown", "", "empty")
    if not all(character.isprintable() or character == GS for character in text):
        return Code("unknown", _shown(text), UNREADABLE)
    if text.startswith("]") and len(text) >= 3 and text[1] in _SYMBOLOGIES:
        return _by_prefix(text[1:3], text[3:], today)
    if assume == "gs1" or text.startswith(GS):
        return _gs1("GS1", text, today)
    if assume == "item" and is_digits(text) and len(text) in (*ITEM_LENGTHS, 18):
        return _bare_item(text)
    return Code("unknown", _shown(text))


def _by_prefix(prefix: str, text: str, today: datetime.date) -> Code:
    name = _SYMBOLOGIES[prefix[0]]
    if not text:
        return Code(name, "", "empty")
    if prefix in _GS1_PREFIXES:
        return _gs1(name if name.startswith("GS1") else f"GS1 {name}", text, today)
    if prefix[0] == "E":
        return _retail(prefix, text)
    if prefix[0] == "I" and is_digits(text):
        flaw = check_flaw(text) if prefix[1] in "13" or len(text) == 14 else ""
        return _item("ITF-14", text, flaw) if len(text) == 14 else Code(name, text, flaw)
    return Code(name, _shown(text))


def _retail(prefix: str, text: str) -> Code:
    """EAN and UPC: E0 has 13 digits, E4 has 8, E3 an add-on of 2 or 5 behind the 13."""
    if not is_digits(text):
        return Code("EAN/UPC", _shown(text), "a retail code has digits only")
    if prefix in _ADD_ONS:
        flaw = "" if len(text) == _ADD_ONS[prefix] else f"an add-on has {_ADD_ONS[prefix]} digits"
        return Code("EAN/UPC add-on", text, flaw)
    item = text
    if prefix == "E3" and len(text) in (15, 18):
        item = text[:13]
    if prefix == "E4" or len(item) in (6, 7, 8):
        return _short_item(item, ean_8=prefix == "E4")
    if len(item) in (12, 13):
        return _item("UPC-A" if len(item) == 12 else "EAN-13", item, check_flaw(item), text)
    return Code("EAN/UPC", text, f"a retail code has no {len(item)} digits")


def _bare_item(text: str) -> Code:
    """Digits without a prefix whose number fits a retail code, so their check digit must."""
    if len(text) == 18:
        return Code("SSCC", text, check_flaw(text))
    if len(text) == 8:
        return _short_item(text, ean_8=not check_flaw(text))
    names = {12: "UPC-A", 13: "EAN-13", 14: "ITF-14"}
    return _item(names[len(text)], text, check_flaw(text))


def _short_item(text: str, *, ean_8: bool) -> Code:
    """EAN-8, or UPC-E in its short form."""
    if ean_8:
        wrong_length = "" if len(text) == 8 else f"an EAN-8 has 8 digits, not {len(text)}"
        return _item("EAN-8", text, wrong_length or check_flaw(text))
    try:
        whole = expand_upc_e(text)
    except ValueError:
        return Code("EAN-8", text, check_flaw(text) or f"no retail code has {len(text)} digits")
    return _item("UPC-E", whole, check_flaw(whole), text)


def _item(symbology: str, digits: str, flaw: str, shown: str = "") -> Code:
    return Code(symbology, shown or digits, flaw, None if flaw else int(digits))


def _gs1(symbology: str, text: str, today: datetime.date) -> Code:
    try:
        elements = parse(text, today)
    except Gs1Error as error:
        return Code(symbology, _shown(text), str(error))
    found = next((each for each in elements if each.ai in ("01", "02")), None)
    gtin = None if found is None else int(found.text)
    return Code(symbology, written(elements), "", gtin, tuple(elements))


def _shown(text: str) -> str:
    """For people and records: separators and noise made visible."""
    return "".join(c if c.isprintable() else f"<{ord(c):02x}>" for c in text)[:TEXT_MAX]
