"""Where the cross-checks write: problems stop the start, warnings do not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from banksman.config.explain import nearest
from banksman.deciding.locate import Lines, Path, key_text
from banksman.errors import Problem

# How a name of each kind stands among the undecided ones; others are told by their kind.
_PREFIXES = {"sensor": "", "output": "", "device": "", "guard input": "guard."}


class Report:
    """Problems and warnings of one file, with their lines."""

    def __init__(
        self,
        file: str,
        lines: Lines,
        data: dict[str, Any],
        undecided: Callable[[str], bool] = lambda _: False,
        origin: Callable[[Path], Path] = lambda path: path,
    ) -> None:
        """``undecided``: whether a name stands for something whose own entry is wrong."""
        self.file = file
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._lines = lines
        self._data = data
        self._undecided = undecided
        self._origin = origin

    def problem(self, path: Path, message: str, hint: str = "") -> None:
        """Something that must be put right before the appliance starts."""
        self.problems.append(self.at(path, message, hint))

    def warn(self, path: Path, message: str, hint: str = "") -> None:
        """Something that is probably not meant."""
        self.warnings.append(self.at(path, message, hint))

    def at(self, path: Path, message: str, hint: str) -> Problem:
        """The same with file, line and key."""
        own = self._origin(path)
        line = self._lines.line(own)
        return Problem(self.file, line, key_text(own, self._data), message, hint)

    def unknown(self, path: Path, what: str, name: str, known: Collection[str]) -> bool:
        """Report ``name`` unless it is known or undecided; whether it was reported."""
        kind = _PREFIXES.get(what, f"{what} ")
        if name in known or self._undecided(f"{kind}{name}"):
            return False
        self.problem(path, f"unknown {what} {name}", nearest(name, known))
        return True

    def twice(self, path: Path, key: str, names: Iterable[str]) -> None:
        """Report each name that an earlier item of the list at ``path`` already has."""
        seen: set[str] = set()
        for index, name in enumerate(names):
            if name in seen:
                hint = "names are unique, as records and rules tell things apart by them"
                self.problem((*path, index, key), f"{name} is used twice", hint)
            seen.add(name)
