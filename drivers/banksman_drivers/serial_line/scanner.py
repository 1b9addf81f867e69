"""A barcode scanner's dialect: each scan one batch, its text beside the count of scans.

Rules of this file
- A scan is an event: the count goes up by one for each code that could be read, right or wrong,
  and carries the text. All else that a scan tells is as old as the scan.
- A code with a wrong check digit or wrong elements was read and is not valid: ``valid`` is 0,
  its item number and elements are BAD. What is no code at all is a bad frame.
- An element that this code has not got is BAD: the one of the code before is never taken for it.

    ]E04006381333931 CR  ->  scanned 17 "4006381333931"  valid 1  gtin 4006381333931
    ]E04006381333937 CR  ->  scanned 18 "4006381333937"  valid 0  gtin BAD
"""

from __future__ import annotations

import datetime
import fnmatch
import re
from collections.abc import Callable, Mapping

from banksman_drivers.serial_line.barcode import TEXT_MAX, UNREADABLE, Code, read_code
from banksman_drivers.serial_line.dialect import BAD, Dialect, Heard, Shown
from banksman_drivers.serial_line.framing import Framer, GapFramer, LineFramer, MarkedFramer
from banksman_drivers.settings.barcode_scanner import BarcodeScannerSettings, ScannerPoint

_FRAMERS: dict[str, type[Framer]] = {
    "line": LineFramer, "stx_etx": MarkedFramer, "pause": GapFramer,
}  # fmt: skip


class ScannerDialect(Dialect):
    """Reads scans. ``today`` gives the box's own day, which the dates of elements are told from."""

    def __init__(
        self, settings: BarcodeScannerSettings, today: Callable[[], datetime.date]
    ) -> None:
        super().__init__(settings.id, [(_key(point), point) for point in settings.points])
        self.framer = _FRAMERS[settings.frame](2 * TEXT_MAX)
        self.scanned = 0
        self.no_reads = 0
        self._assume = settings.assume
        self._no_read = settings.no_read.encode()
        self._today = today
        self._patterns = {
            _key(point): (point.ai, re.compile(fnmatch.translate(point.pattern)))
            for point in settings.points
            if point.field == "match"
        }
        self._elements = {
            _key(point): point.ai for point in settings.points if point.field == "element"
        }

    def counts(self) -> Mapping[str, Shown]:
        """Codes, scans without one, and what could not be read."""
        return {
            **super().counts(),
            "scanned": Shown(self.scanned),
            "no_reads": Shown(self.no_reads),
        }

    def heard(self, data: bytes, mono_ns: int) -> Heard:
        """One scan."""
        if self._no_read and data.strip() == self._no_read:
            self.no_reads += 1
            fields = {**self._nothing(), **self.counts(), "valid": Shown(0, text="no code")}
            return Heard(self._readings(fields, mono_ns))
        today = self._today()
        code = read_code(data, today, self._assume)
        if code.flaw == UNREADABLE:
            return self.broken(code.flaw)
        self.scanned += 1
        fields = {
            **self._nothing(),
            **self.counts(),
            "scanned": Shown(self.scanned, text=code.text),
            "valid": Shown(not code.flaw, text=code.flaw or "right"),
        }
        if not code.flaw:
            fields |= self._told(code, today)
        return Heard(self._readings(fields, mono_ns))

    def _nothing(self) -> dict[str, Shown]:
        """Every field of the scan before is over."""
        return {
            "gtin": BAD,
            "valid": Shown(0),
            **dict.fromkeys(self._elements, BAD),
            **dict.fromkeys(self._patterns, Shown(0)),
        }

    def _told(self, code: Code, today: datetime.date) -> dict[str, Shown]:
        fields: dict[str, Shown] = {}
        if code.gtin is not None:
            fields["gtin"] = Shown(code.gtin)
        for key, ai in self._elements.items():
            element = code.element(ai)
            if element is None:
                continue
            if element.date is not None:
                fields[key] = Shown((element.date - today).days, text=element.date.isoformat())
            else:
                number = 1.0 if element.number is None else element.number
                fields[key] = Shown(number, text=element.text)
        for key, (ai, pattern) in self._patterns.items():
            element = code.element(ai) if ai else None
            text = code.text if not ai else "" if element is None else element.text
            fields[key] = Shown(pattern.fullmatch(text) is not None)
        return fields


def _key(point: ScannerPoint) -> str:
    """Points that a scan may have several of go by their own name."""
    return f"{point.field}:{point.name}" if point.field in ("match", "element") else point.field
