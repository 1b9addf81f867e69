"""Reading rows: TOML text in, a RuleBook out, or every problem of the file at once.

[[rule]]
name = "overheat"                                  # required, unique
point = "oven_guard"                               # required: a decision point
when = "press.temperature > '80 degC'"             # required
then = "stop_line"                                 # required: an action, or "none"
priority = 100                                     # higher first; ties in file order
definitive = true                                  # false: the model is heard as well
confidence = 1.0                                   # 0 to 1
safe_action = "stop_line"                          # default: the point's
reason = "oven at {press.temperature}"             # default: the name and its inputs
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from banksman.deciding.checker import Checker
from banksman.deciding.decision import NO_ACTION
from banksman.deciding.features import Catalogue
from banksman.deciding.locate import Lines, key_text
from banksman.deciding.reason import check_reason
from banksman.deciding.rules import CheckedRow, Row, RuleBook, RuleSet
from banksman.errors import ConfigError, Problem

TEXT_CHARS_MAX = 1_000_000
ROWS_MAX = 1000

_REQUIRED = ("name", "point", "when", "then")
_TYPES: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "point": (str,),
    "when": (str,),
    "then": (str,),
    "priority": (int,),
    "definitive": (bool,),
    "confidence": (int, float),
    "safe_action": (str,),
    "reason": (str,),
}
_RANGES = {"confidence": (0, 1), "priority": (-1_000_000, 1_000_000)}
_WORDS = {str: "a text in quotes", int: "a whole number", bool: "true or false"}
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")


def load_rules(
    text: str,
    file: str,
    catalogue: Catalogue,
    points: Mapping[str, str],
    actions: Collection[str],
) -> RuleBook:
    """Compile a rules file. ``points``: decision point -> its safe action.

    ``file`` is what problems call it. Raises ConfigError with every problem, by line and key.
    """
    return _Loader(file, catalogue, points, actions).load(text)


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """The tables of a TOML text; raises ConfigError naming the line where it breaks off."""
    if len(text) > TEXT_CHARS_MAX:
        message = f"has {len(text)} characters, at most {TEXT_CHARS_MAX} are read"
        raise ConfigError([Problem(file, None, "", message, "split it")])
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _AT_LINE.search(str(error))
        line = int(match[1]) if match else text.count("\n") + 1
        message = f"is not valid TOML: {error}"
        raise ConfigError([Problem(file, line, "", message, "see https://toml.io")]) from None
    except (RecursionError, ValueError) as error:
        message = f"is not valid TOML: {error}"
        raise ConfigError([Problem(file, None, "", message, "see https://toml.io")]) from None


class _Loader:
    """One pass over one file; collects problems instead of raising them."""

    def __init__(
        self, file: str, catalogue: Catalogue, points: Mapping[str, str], actions: Collection[str]
    ) -> None:
        self.file = file
        self.catalogue = catalogue
        self.points = points
        self.actions = frozenset(actions) | {NO_ACTION}
        self.problems: list[Problem] = []
        self.lines = Lines("")
        self.tables: dict[str, Any] = {}

    def load(self, text: str) -> RuleBook:
        tables = self.tables = parse_toml(text, self.file)
        self.lines = Lines(text)
        for key in tables:
            if key not in ("rule", "example"):
                hint = "a rules file holds [[rule]] and [[example]] tables"
                self._problem((key,), f"unknown table {key}", hint)
        raw = tables.get("rule", [])
        if not isinstance(raw, list) or not all(isinstance(item, dict) for item in raw):
            self._problem(("rule",), "must be a list of tables", "write [[rule]]")
            raw = []
        if len(raw) > ROWS_MAX:
            self._problem(("rule",), f"{len(raw)} rows, at most {ROWS_MAX}", "split the plant")
            raw = raw[:ROWS_MAX]
        rows = [row for index, item in enumerate(raw) if (row := self._row(index, item))]
        self._check_names(raw)
        sets = self._compile(rows)
        if self.problems:
            raise ConfigError(sorted(self.problems, key=lambda problem: problem.line or 0))
        return RuleBook(_version(rows), sets, rows)

    def _problem(self, path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        key = key_text(path, self.tables)
        self.problems.append(Problem(self.file, self.lines.line(path), key, message, hint))

    def _row(self, index: int, raw: dict[str, Any]) -> Row | None:
        before = len(self.problems)
        path = ("rule", index)
        for key, value in raw.items():
            self._check_option((*path, key), key, value)
        for key in _REQUIRED:
            if key not in raw:
                self._problem(path, f"{key} is missing", f"each rule has {', '.join(_REQUIRED)}")
        self._check_references(path, raw)
        if len(self.problems) > before:
            self._check_when(path, raw)
            return None
        return Row(
            name=raw["name"],
            point=raw["point"],
            when=raw["when"],
            then=raw["then"],
            priority=raw.get("priority", 0),
            definitive=raw.get("definitive", True),
            confidence=float(raw.get("confidence", 1.0)),
            safe_action=raw.get("safe_action", self.points.get(raw["point"], NO_ACTION)),
            reason=raw.get("reason", ""),
            line=self.lines.line((*path, "when")),
        )

    def _check_option(self, path: tuple[str | int, ...], key: str, value: object) -> None:
        if key not in _TYPES:
            self._problem(path, f"unknown option {key}", _did_you_mean(key, _TYPES))
            return
        known = _TYPES[key]
        if not isinstance(value, known) or (isinstance(value, bool) and bool not in known):
            words = _WORDS.get(known[-1], "a number")
            self._problem(path, f"is {value!r}", f"{key} is {words}")
        elif isinstance(value, (int, float)) and key in _RANGES:
            low, high = _RANGES[key]
            if not low <= value <= high:
                self._problem(path, f"is {value!r}", f"{key} is {low} to {high}")

    def _check_references(self, path: tuple[str | int, ...], raw: dict[str, Any]) -> None:
        known = {"point": self.points, "then": self.actions, "safe_action": self.actions}
        for key, names in known.items():
            name = raw.get(key)
            if isinstance(name, str) and name not in names:
                what = "decision point" if key == "point" else "action"
                if self.catalogue.is_undecided(f"{what} {name}"):
                    continue
                self._problem((*path, key), f"unknown {what} {name}", _did_you_mean(name, names))

    def _check_when(self, path: tuple[str | int, ...], raw: dict[str, Any]) -> None:
        """Look at the condition of a row that is wrong elsewhere, so that all is said at once."""
        if isinstance(raw.get("when"), str):
            checker = Checker(self.catalogue)
            checker.source(raw["when"])
            for fault in checker.faults:
                self._problem((*path, "when"), fault.message, fault.hint)

    def _check_names(self, raw: list[dict[str, Any]]) -> None:
        first: dict[str, int] = {}
        for index, item in enumerate(raw):
            name = item.get("name")
            if not isinstance(name, str):
                continue
            if not name.strip():
                self._problem(("rule", index, "name"), "is empty", "people read it in the reason")
            if name in first:
                line = self.lines.line(("rule", first[name], "name"))
                hint = f"the other stands in line {line}"
                self._problem(("rule", index, "name"), f"{name} is used twice", hint)
            first.setdefault(name, index)

    def _compile(self, rows: list[Row]) -> dict[str, RuleSet]:
        sets: dict[str, RuleSet] = {}
        version = _version(rows)
        for point in dict.fromkeys(row.point for row in rows):
            slots: dict[str, int] = {}
            mine = sorted((row for row in rows if row.point == point), key=lambda r: -r.priority)
            checked = [self._check(row, slots) for row in mine]
            if not self.problems:
                sets[point] = RuleSet(version, checked, tuple(slots), self.catalogue)
        return sets

    def _check(self, row: Row, slots: dict[str, int]) -> CheckedRow:
        checker = Checker(self.catalogue, slots)
        source = checker.source(row.when)
        faults = [("when", fault) for fault in checker.faults]
        if not faults:
            faults = [("reason", fault) for fault in check_reason(row.reason, list(checker.used))]
        for key, fault in faults:
            where = f"rule.{row.name}.{key}"
            self.problems.append(Problem(self.file, row.line, where, fault.message, fault.hint))
        return CheckedRow(row, source, checker.used)


def _version(rows: list[Row]) -> str:
    """Twelve digits that change when any row does, and not when the file only moves lines."""
    canonical = [msgspec.structs.replace(row, line=None) for row in rows]
    return hashlib.sha256(msgspec.json.encode(canonical)).hexdigest()[:12]


def _did_you_mean(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]}?"
    return f"known: {', '.join(sorted(known)[:12])}" if known else "none is configured"
