"""Rules at work: the rows of one decision point, compiled to one function.

    rows by priority:   definitive and true  -> that row, at once
                        true                 -> remembered, if it is the first
                        input unusable       -> the row's safe action, at once

Rules of this file
- A row is reached while its answer can still matter: no definitive row before it matched, and
  it is definitive itself or none was remembered yet.
- A row that is reached and cannot be told (an input missing, stale, NaN or bad; a division by
  zero; an overflow) takes its safe action as a definitive hit. It is never skipped, never guessed.
- Two ways through: all inputs usable, one compiled function; else row by row. Both come from
  the same checked source, and the tests hold them against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from banksman.deciding.condition import any_not_finite, compile_function, first_fault
from banksman.deciding.features import Catalogue
from banksman.deciding.reason import Reason, default_reason


class Row(msgspec.Struct, frozen=True):
    """One row as written, with its defaults filled in. ``line`` is where it stands."""

    name: str
    point: str
    when: str
    then: str
    priority: int
    definitive: bool
    confidence: float
    safe_action: str
    reason: str
    line: int | None


class CheckedRow(msgspec.Struct, frozen=True):
    """A row whose condition has become ``source`` over the point's inputs.

    ``used`` are the names it needs, each with its place.
    """

    row: Row
    source: str
    used: dict[str, int]


class RuleHit(msgspec.Struct, frozen=True, gc=False):
    """What a row says. ``safe``: it could not be told and takes its safe action."""

    action: str
    confidence: float
    definitive: bool
    rule: str
    reason: str
    safe: bool


class RuleSet:
    """The rows of one decision point, highest priority first. Immutable after construction."""

    __slots__ = ("_conditions", "_first", "_hits", "_reasons", "inputs", "rows", "version")

    def __init__(
        self,
        version: str,
        checked: Sequence[CheckedRow],
        inputs: tuple[str, ...],
        catalogue: Catalogue,
    ) -> None:
        self.version = version
        self.inputs = inputs
        self.rows = tuple(checked)
        self._first = compile_function(_source(checked), "rows")
        self._conditions: list[Callable[[Sequence[float]], object]] = [
            compile_function(f"def row(v):\n    return {row.source}\n", "row") for row in checked
        ]
        self._reasons = [
            Reason(
                item.row.reason or default_reason(item.row.name, list(item.used)),
                item.used,
                catalogue,
            )
            for item in checked
        ]
        # A reason without values is the same each time, and so is the whole hit.
        self._hits = [
            None if reason.text is None else _hit(item.row, reason.text)
            for item, reason in zip(checked, self._reasons, strict=True)
        ]

    def evaluate(self, values: Sequence[float], faults: Sequence[str] | None) -> RuleHit | None:
        """The hit for ``values``, which start with ``inputs`` in order; None when no row matches.

        ``faults`` as in an Event: None, or one string per value, empty where it may be used.
        """
        if faults is None and not any_not_finite(values):
            try:
                index = self._first(values)
            except ArithmeticError:
                return self._row_by_row(values, faults)
            return None if index < 0 else self._hits[index] or self._say(index, values)
        return self._row_by_row(values, faults)

    def _say(self, index: int, values: Sequence[float]) -> RuleHit:
        return _hit(self.rows[index].row, self._reasons[index].format(values))

    def _row_by_row(self, values: Sequence[float], faults: Sequence[str] | None) -> RuleHit | None:
        found: int | None = None
        for index, item in enumerate(self.rows):
            if found is not None and not item.row.definitive:
                continue
            why = first_fault(self.inputs, item.used.values(), values, faults)
            if why:
                return _safe_hit(item.row, why)
            try:
                matches = self._conditions[index](values)
            except ArithmeticError as error:
                return _safe_hit(item.row, f"it cannot be calculated ({error})")
            if matches and item.row.definitive:
                return self._say(index, values)
            if matches:
                found = index
        return None if found is None else self._say(found, values)


class RuleBook:
    """All rows of a rules file. ``version`` changes when any row does."""

    def __init__(self, version: str, sets: Mapping[str, RuleSet], rows: Sequence[Row]) -> None:
        self.version = version
        self.rows = tuple(rows)
        self._sets = dict(sets)

    def for_point(self, point: str) -> RuleSet:
        """The rows of one decision point; an empty set, which never hits, if it has none."""
        return self._sets.get(point) or RuleSet(self.version, (), (), Catalogue(()))


def _source(checked: Sequence[CheckedRow]) -> str:
    """One function that gives the index of the row that hits, or -1."""
    lines = ["def rows(v):", "    hit = -1"]
    for index, item in enumerate(checked):
        if item.row.definitive:
            lines += [f"    if {item.source}:", f"        return {index}"]
        else:
            lines += [f"    if hit < 0 and {item.source}:", f"        hit = {index}"]
    return "\n".join([*lines, "    return hit", ""])


def _hit(row: Row, reason: str) -> RuleHit:
    return RuleHit(row.then, row.confidence, row.definitive, row.name, reason, safe=False)


def _safe_hit(row: Row, why: str) -> RuleHit:
    reason = f"rule {row.name} cannot be told: {why}; its safe action is taken"
    return RuleHit(row.safe_action, 0.0, True, row.name, reason, safe=True)
