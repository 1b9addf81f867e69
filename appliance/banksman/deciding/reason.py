"""Reasons in words: a template such as ``oven at {press.temperature}`` filled with values.

Only ``{name}`` is understood, and only names that the row's own condition uses: a reason never
adds an input. Python's own format is not used, since it reaches into attributes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from banksman.deciding.features import Catalogue
from banksman.deciding.syntax import Fault

TEXT_CHARS_MAX = 300
_FIELD = re.compile(r"\{([^{}]*)\}")


class Reason:
    """A template whose fields are bound to places in a list of values."""

    __slots__ = ("_pieces", "_tail", "text")

    def __init__(self, text: str, slots: Mapping[str, int], catalogue: Catalogue) -> None:
        """``slots``: name -> place. Raises KeyError for a field that is not among them."""
        parts = _FIELD.split(text)
        self._tail = parts[-1]
        self._pieces = [
            (before, slots[name], _suffix(catalogue, name))
            for before, name in zip(parts[:-1:2], parts[1::2], strict=True)
        ]
        self.text = None if self._pieces else text

    def format(self, values: Sequence[float]) -> str:
        """The words for these values."""
        words = [f"{before}{show(values[slot])}{unit}" for before, slot, unit in self._pieces]
        return "".join(words) + self._tail


def check_reason(text: str, names: Sequence[str]) -> list[Fault]:
    """Everything wrong with a template for a row that uses ``names``."""
    faults = []
    if len(text) > TEXT_CHARS_MAX:
        faults.append(Fault(f"is {len(text)} characters long", f"at most {TEXT_CHARS_MAX}"))
    for name in _FIELD.findall(text):
        if name not in names:
            known = ", ".join(f"{{{known}}}" for known in names) or "none"
            faults.append(
                Fault(f"{{{name}}} is not a name that this row's when uses", f"usable: {known}")
            )
    if "{" in _FIELD.sub("", text) or "}" in _FIELD.sub("", text):
        faults.append(Fault("has a brace without its partner", "write {device.point}"))
    return faults


def default_reason(rule: str, names: Sequence[str]) -> str:
    """The template of a row that gives none: its name and the values it saw."""
    if not names:
        return f"rule {rule}"
    return f"rule {rule}: " + ", ".join(f"{name} is {{{name}}}" for name in names)


def show(value: float) -> str:
    """A value for people: four significant digits, whole numbers whole."""
    if value == int(value) if abs(value) < 1e9 else False:
        return str(int(value))
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.6g}"


def _suffix(catalogue: Catalogue, name: str) -> str:
    unit = catalogue.features[name].unit
    return f" {unit}" if unit else ""
