"""Examples of what rules shall do, written beside them, and whether they do it.

    [[example]]
    point = "oven"
    inputs = { "plc.oven_temperature" = "230 degC" }    # or a number in the sensor's own unit,
    expect = "oven_off"                                  # "missing" or "stale"
    expect_rule = "oven too hot"                         # optional

``expect`` is an action, or what happens when no row is definitive: ``model``, ``cloud``.
Without either, the point's safe action is what happens. An input that an example leaves out
is missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from banksman.deciding.features import Catalogue
from banksman.deciding.locate import Lines, Path, key_text
from banksman.deciding.rulefile import parse_toml
from banksman.deciding.rules import RuleBook
from banksman.deciding.units import convert, parse_quantity, parse_unit
from banksman.errors import ConfigError, Problem

MODEL, CLOUD = "model", "cloud"
_FAULTS = {"missing": "never read", "stale": "stale"}
_KEYS = {"point", "inputs", "expect", "expect_rule"}


class PointFacts(msgspec.Struct, frozen=True):
    """What an example needs to know of its decision point. ``otherwise``: model, cloud or
    the safe action, whichever is next when no row is definitive.
    """

    safe_action: str
    otherwise: str


class Example(msgspec.Struct, frozen=True):
    """One row of the examples, read and checked. NaN values carry their fault."""

    line: int | None
    point: str
    values: dict[str, float]
    faults: dict[str, str]
    expect: str
    expect_rule: str | None


class Outcome(msgspec.Struct, frozen=True):
    """What became of an example. ``wrong`` is empty when it is as expected."""

    line: int | None
    point: str
    action: str
    rule: str | None
    reason: str
    wrong: str


def read_examples(
    text: str, file: str, catalogue: Catalogue, points: Mapping[str, PointFacts]
) -> list[Example]:
    """The examples of a TOML text; raises ConfigError with every problem."""
    tables = parse_toml(text, file)
    lines = Lines(text)
    problems: list[Problem] = []

    def problem(path: Path, message: str, hint: str = "") -> None:
        problems.append(Problem(file, lines.line(path), key_text(path, tables), message, hint))

    for key in tables:
        if key not in ("example", "rule"):
            problem((key,), f"unknown table {key}", "examples are [[example]] tables")
    raw = tables.get("example", [])
    if not isinstance(raw, list) or not raw or not all(isinstance(item, dict) for item in raw):
        problem(("example",), "there is no example", "write [[example]] tables")
        raise ConfigError(problems)
    for index, item in enumerate(raw):
        for path, message, hint in _wrong(item, catalogue, points):
            problem(("example", index, *path), message, hint)
    if problems:
        raise ConfigError(problems)
    return [_example(lines.line(("example", i)), item, catalogue) for i, item in enumerate(raw)]


def run_examples(
    examples: list[Example], rules: RuleBook, points: Mapping[str, PointFacts]
) -> list[Outcome]:
    """What the rules do with each."""
    return [_run(example, rules, points[example.point]) for example in examples]


def _run(example: Example, rules: RuleBook, facts: PointFacts) -> Outcome:
    own = rules.for_point(example.point)
    values = [example.values.get(name, math.nan) for name in own.inputs]
    faults = [
        example.faults.get(name, "" if name in example.values else "never read")
        for name in own.inputs
    ]
    hit = own.evaluate(values, faults if any(faults) else None)
    action, rule, reason = facts.otherwise, None, "no row matches"
    if hit is not None:
        rule, reason = hit.rule, hit.reason
        if hit.definitive or facts.otherwise == facts.safe_action:
            action = hit.action
    wrong = ""
    if action != example.expect:
        wrong = f"expected {example.expect}, got {action}"
    elif example.expect_rule is not None and rule != example.expect_rule:
        wrong = f"expected rule {example.expect_rule}, got {rule or 'none'}"
    return Outcome(example.line, example.point, action, rule, reason, wrong)


def _wrong(
    raw: dict[str, Any], catalogue: Catalogue, points: Mapping[str, PointFacts]
) -> Iterator[tuple[Path, str, str]]:
    """(path, message, hint) of everything wrong in one example."""
    for key in raw.keys() - _KEYS:
        yield (key,), f"unknown option {key}", f"known: {', '.join(sorted(_KEYS))}"
    for key in ("point", "expect", "expect_rule"):
        if (key in raw or key != "expect_rule") and not isinstance(raw.get(key), str):
            yield (key,), "is missing or no text", f'write {key} = "…"'
    point = raw.get("point")
    if isinstance(point, str) and point not in points:
        yield ("point",), f"unknown decision point {point}", f"known: {', '.join(points)}"
    inputs = raw.get("inputs", {})
    if not isinstance(inputs, dict):
        yield ("inputs",), "is no table", 'inputs = { "plc.speed" = 3.0 }'
        return
    for name, value in inputs.items():
        wrong = _wrong_value(name, value, catalogue)
        if wrong:
            yield (("inputs", name), *wrong)


def _wrong_value(name: str, value: object, catalogue: Catalogue) -> tuple[str, str] | None:
    feature = catalogue.features.get(name)
    if feature is None:
        near = catalogue.nearest(name)
        return f"unknown name {name}", f"did you mean {near}?" if near else "see banksman check"
    if isinstance(value, (bool, int, float)) or (isinstance(value, str) and value in _FAULTS):
        return None
    quantity = parse_quantity(value) if isinstance(value, str) else None
    if quantity is None:
        return f"{value!r} is no value", 'a number, "80 degC", "missing" or "stale"'
    unit = parse_unit(feature.unit)
    if not quantity[1].converts_to(unit) or bool(quantity[1].text) != bool(unit.text):
        return f"{name} is in {feature.unit or 'no unit'}, not {quantity[1].text}", "convert it"
    return None


def _example(line: int | None, raw: dict[str, Any], catalogue: Catalogue) -> Example:
    values: dict[str, float] = {}
    faults: dict[str, str] = {}
    for name, value in raw.get("inputs", {}).items():
        if isinstance(value, str) and value in _FAULTS:
            values[name], faults[name] = math.nan, _FAULTS[value]
        elif isinstance(value, str):
            number, unit = parse_quantity(value) or (math.nan, parse_unit(""))
            values[name] = convert(number, unit, parse_unit(catalogue.features[name].unit))
        else:
            values[name] = float(value)
    return Example(line, raw["point"], values, faults, raw["expect"], raw.get("expect_rule"))
