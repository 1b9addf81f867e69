"""A recording as CSV: a header, then lines of a time and one value for each point.

Rules of this file
- Reads only; knows no loop and no sink. Chunks are bounded, so memory is, too.
- The first column is the time: ISO 8601, or seconds. The following columns are the points,
  in their order. Comma or semicolon, whichever the header uses.
- An empty or "nan" cell is a reading without a value. A line that is not a time and numbers is
  skipped and counted: a recording that a dying logger left behind is still worth playing.

    timestamp,value
    2014-04-01 00:00:00,20.0
"""

from __future__ import annotations

import math
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import msgspec

from banksman_drivers.ports import DeviceLost, Unsupported

CHUNK_ROWS = 256
LINE_CHARS_MAX = 65_536
BROKEN_LINES_MAX = 1000  # in a row at the start: then it is no recording


class Row(msgspec.Struct, frozen=True, gc=False):
    """One line: its time in seconds of the recording's clock, and its values."""

    stamp_s: float
    values: tuple[float, ...]


def parse(line: str, separator: str, count: int) -> Row:
    """One line as a row of ``count`` values. Raises ValueError."""
    cells = [cell.strip().strip('"') for cell in line.split(separator)]
    if len(cells) < count + 1:
        raise ValueError(f"{len(cells)} columns")
    values = tuple(float(cell) if cell else math.nan for cell in cells[1 : count + 1])
    return Row(_stamp_s(cells[0]), values)


def _stamp_s(text: str) -> float:
    try:
        stamp_s = float(text)
    except ValueError:
        when = datetime.fromisoformat(text)
        # Only differences matter, so a time without a zone may as well be UTC.
        return when.replace(tzinfo=when.tzinfo or UTC).timestamp()
    if not math.isfinite(stamp_s):
        raise ValueError("a time that is no number")
    return stamp_s


class CsvRecording:
    """One CSV file, checked at construction. ``broken`` counts the lines skipped so far.

    Raises: Unsupported saying what is wrong with the file and what was expected.
    """

    def __init__(self, path: Path, count: int) -> None:
        self.broken = 0
        self._path = path
        self._count = count
        self._separator = ","
        try:
            with self._open() as file:
                self._check(file.readline(LINE_CHARS_MAX))
            chunks = self.chunks()
            first = next(chunks, [])
            chunks.close()
        except OSError as error:
            raise Unsupported(f"the recording cannot be read: {error}") from error
        if not first:
            raise Unsupported(
                f"the recording {path} has no line with a time and {count} numbers;"
                " expected: timestamp,value"
            )
        self.broken = 0

    def chunks(self) -> Generator[list[Row]]:
        """The rows, at most 256 at a time. Raises DeviceLost when the file cannot be read on."""
        broken_in_a_row = 0
        try:
            with self._open() as file:
                file.readline(LINE_CHARS_MAX)
                rows: list[Row] = []
                while line := file.readline(LINE_CHARS_MAX):
                    if not line.strip():
                        continue
                    try:
                        rows.append(parse(line, self._separator, self._count))
                    except (ValueError, OverflowError):
                        self.broken += 1
                        broken_in_a_row += 1
                        if broken_in_a_row < BROKEN_LINES_MAX:
                            continue
                        raise DeviceLost(
                            f"{self._path}: {BROKEN_LINES_MAX} broken lines in a row;"
                            " replace the file"
                        ) from None
                    broken_in_a_row = 0
                    if len(rows) == CHUNK_ROWS:
                        yield rows
                        rows = []
                if rows:
                    yield rows
        except DeviceLost:
            raise
        except OSError as error:
            raise DeviceLost(f"{self._path} cannot be read on: {error}") from error

    def _open(self) -> TextIO:
        # A byte that is no text breaks its line, not the recording.
        return self._path.open(encoding="utf-8-sig", errors="replace", newline=None)

    def _check(self, header: str) -> None:
        self._separator = ";" if header.count(";") > header.count(",") else ","
        columns = len(header.split(self._separator))
        if columns < self._count + 1:
            raise Unsupported(
                f"the recording {self._path} has {columns} columns, and {self._count} points need"
                f" {self._count + 1}: a time and one value each; expected: timestamp,value"
            )
        try:
            parse(header, self._separator, self._count)
        except (ValueError, OverflowError):
            return
        raise Unsupported(
            f"the recording {self._path} begins without a header; write one: timestamp,value"
        )
