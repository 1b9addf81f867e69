"""Answers a box's question by the endpoint's own rules, with the very rules engine of the box.

    points.toml   what boxes ask about: inputs with their units, points with their actions
    rules.toml    rows as on a box (docs/reference/rules.md)

    [[input]]                          [[rule]]
    name = "vib.rms"                   name = "zone_d"
    unit = "mm/s"                      point = "bearing"
                                       when = "vib.rms > '7.1 mm/s'"
    [[point]]                          then = "stop_press"
    name = "bearing"                   confidence = 0.93
    actions = ["stop_press"]

Rules of this file
- No answer is an answer: where no row matches, an input is missing or the action is not among those
  that the box offers, the box is told so and takes its own safe action. Nothing is guessed.
- Pure but for reading the two files at the start; microseconds for a question.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import msgspec

from banksman.deciding.features import Catalogue
from banksman.deciding.rulefile import load_rules
from banksman.deciding.rules import RuleBook
from banksman.wire.messages import AnswerMessage, AskMessage
from banksman_cloud.errors import SettingsError

FILE_BYTES_MAX = 1_000_000


class NoAnswer(Exception):
    """Why there is no answer; the box takes its safe action."""


class _Input(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    unit: str = ""


class _Point(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    actions: list[str]
    safe_action: str = "none"


class _Points(msgspec.Struct, forbid_unknown_fields=True):
    point: list[_Point]
    input: list[_Input] = []


class Adviser:
    """Knows the rules. ``rules`` None answers nothing."""

    def __init__(self, rules: RuleBook | None) -> None:
        self._rules = rules

    @property
    def version(self) -> str:
        """The rules' version; empty without rules."""
        return "" if self._rules is None else self._rules.version

    @classmethod
    def load(cls, folder: Path | None) -> Adviser:
        """Read ``points.toml`` and ``rules.toml``. Raises SettingsError with every problem."""
        if folder is None:
            return cls(None)
        points_file, rules_file = folder / "points.toml", folder / "rules.toml"
        return cls(
            compiled(_text(points_file), _text(rules_file), str(points_file), str(rules_file))
        )

    def answer(self, ask: AskMessage) -> AnswerMessage:
        """The answer. Raises NoAnswer."""
        if self._rules is None:
            raise NoAnswer("this endpoint has no rules to answer by")
        rules = self._rules.for_point(ask.point)
        values = [_number(ask.inputs, name) for name in rules.inputs]
        hit = rules.evaluate(values, None)
        if hit is None:
            raise NoAnswer(f"no rule says anything about {ask.point}")
        if hit.safe:
            raise NoAnswer(hit.reason)
        if hit.action not in ask.actions:
            raise NoAnswer(f"rule {hit.rule} says {hit.action}, which the box does not offer")
        return AnswerMessage(ask.id, hit.action, hit.confidence, hit.reason)


def compiled(
    points: str, rules: str, points_name: str = "points.toml", rules_name: str = "rules.toml"
) -> RuleBook:
    """The rules of both texts. Raises SettingsError with every problem."""
    try:
        declared = msgspec.toml.decode(points, type=_Points)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SettingsError(f"{points_name}: {error}") from None
    catalogue = Catalogue.of_sensors((item.name, item.unit) for item in declared.input)
    safe = {point.name: point.safe_action for point in declared.point}
    actions = {action for point in declared.point for action in (*point.actions, point.safe_action)}
    try:
        return load_rules(rules, rules_name, catalogue, safe, actions)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _number(inputs: Mapping[str, float | None], name: str) -> float:
    value = inputs.get(name)
    return math.nan if value is None else value


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise SettingsError(f"{file} has over {FILE_BYTES_MAX} bytes")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from None
