"""From a key path to its line in a TOML file, which `tomllib` does not tell.

A small scanner over text that `tomllib` has already accepted, so it may assume that brackets
and quotes are balanced. It reads keys, tables and arrays, and skips every other value.

    [[device]]            ("device", 0)            line 1
    id = "plc"            ("device", 0, "id")      line 2
      [[device.point]]    ("device", 0, "point", 0)
"""

from __future__ import annotations

import bisect
import re

Path = tuple[str | int, ...]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")
_STRING = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'{3}.*?\'{3,5}|"(?:[^"\\]|\\.)*"|'[^']*\'''', re.DOTALL
)
_SCALAR = re.compile(r"[^,\]}#\r\n]*")


def key_text(path: Path, data: object) -> str:
    """``path`` for people: list items by their id or name, otherwise by number from 1.

    ``device.plc.point.oven.scale``, ``decision[2].on[1]``.
    """
    text = ""
    for part in path:
        if isinstance(part, str):
            text = f"{text}.{part}" if text else part
            data = data.get(part) if isinstance(data, dict) else None
            continue
        data = data[part] if isinstance(data, list) and part < len(data) else None
        own = (data.get("id") or data.get("name")) if isinstance(data, dict) else None
        shown = isinstance(own, str) and own.isprintable() and len(own) <= 40
        text = f"{text}.{own}" if shown else f"{text}[{part + 1}]"
    return text


class Lines:
    """The lines of one TOML text."""

    def __init__(self, text: str) -> None:
        """``text`` must be valid TOML; anything else gives lines that are merely wrong."""
        self._text = text
        self._at = 0
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._known: dict[Path, int] = {}
        self._tables: dict[Path, int] = {}
        try:
            self._scan()
        except (IndexError, RecursionError):
            return  # not valid TOML after all: what was found so far still helps

    def line(self, path: Path) -> int | None:
        """The line of the deepest part of ``path`` that stands in the file."""
        for end in range(len(path), 0, -1):
            found = self._known.get(path[:end])
            if found is not None:
                return found
        return None

    def _scan(self) -> None:
        table: Path = ()
        while True:
            self._skip(_SPACE)
            if self._at >= len(self._text):
                return
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        line = self._line()
        double = self._text.startswith("[[", self._at)
        self._at += 2 if double else 1
        parts = self._key()
        self._at += 2 if double else 1
        path: Path = ()
        for part in parts[:-1]:
            path = (*path, part)
            if path in self._tables:
                path = (*path, self._tables[path])
        path = (*path, parts[-1])
        if double:
            self._known.setdefault(path, line)
            self._tables[path] = self._tables.get(path, -1) + 1
            path = (*path, self._tables[path])
        self._known.setdefault(path, line)
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for part in self._key():
            path = (*path, part)
            self._known.setdefault(path, line)
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: Path) -> None:
        mark = self._text[self._at]
        if mark == "[":
            self._sequence(path, "]")
        elif mark == "{":
            self._sequence(path, "}")
        else:
            self._skip(_STRING if mark in "\"'" else _SCALAR)

    def _sequence(self, path: Path, end: str) -> None:
        """An array or an inline table, element by element."""
        self._at += 1
        index = 0
        while True:
            self._skip(_SPACE)
            if self._text[self._at] == end:
                self._at += 1
                return
            if self._text[self._at] == ",":
                self._at += 1
                index += 1
            elif end == "]":
                self._known.setdefault((*path, index), self._line())
                self._value((*path, index))
            else:
                self._pair(path)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._skip(_BLANK)
            match = _KEY.match(self._text, self._at)
            part = match[0] if match else ""
            self._at += max(len(part), 1)
            parts.append(part[1:-1] if part[:1] in ("'", '"') else part)
            self._skip(_BLANK)
            if self._text[self._at] != ".":
                return parts
            self._at += 1

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at + 1

    def _line(self) -> int:
        return bisect.bisect_left(self._ends, self._at) + 1
