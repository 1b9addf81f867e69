"""Device profiles: which registers a known Modbus device has, told once for all its owners.

Rules of this file
- Pure: the text of a profile in, its points out as ``[[device.point]]`` tables.
- A profile is checked as strictly as a config, and every problem is told at once; a wrong one
  gives no points at all.
- It holds what can be read and nothing that writes: an output is the plant's own decision.

    title = "Maker Model: what it is"
    source = "the public manual that the registers are from"
    note = "what an installer has to know"        # may be left out

    [defaults]                                    # what the points share; may be left out
    table = "input"
    type = "float32"

    [[point]]
    name = "voltage_l1"
    unit = "V"
    address = 0
    low = 0.0
    high = 400.0
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from pydantic import ValidationError

from banksman_drivers.settings.modbus import ModbusPoint

TEXT_CHARS_MAX = 200_000
POINTS_MAX = 1000

Table = dict[str, Any]


class ProfileError(ValueError):
    """A profile that cannot be used: every problem, each one line; ``remedy`` may be empty."""

    def __init__(self, problems: Sequence[str], remedy: str = "") -> None:
        self.problems = tuple(problems)
        self.remedy = remedy
        super().__init__("; ".join(problems))


class Profile(msgspec.Struct, frozen=True):
    """A checked profile; ``tables`` are its points as a config would have them, by name."""

    name: str
    title: str
    source: str
    note: str
    tables: Mapping[str, Table]

    def points(self) -> list[ModbusPoint]:
        """The points as the driver takes them."""
        return [ModbusPoint.model_validate(table) for table in self.tables.values()]


def read_profile(name: str, text: str) -> Profile:
    """Check the text of profile ``name``. Raises ProfileError with every problem."""
    if len(text) > TEXT_CHARS_MAX:
        raise ProfileError([f"profile {name} is longer than {TEXT_CHARS_MAX} characters"])
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ProfileError([f"profile {name} is no TOML: {error}"]) from error
    problems = [f"profile {name}: {problem}" for problem in _shape(data)]
    if problems:
        raise ProfileError(problems)
    tables: dict[str, Table] = {}
    for number, own in enumerate(data["point"], 1):
        table = {**data.get("defaults", {}), **own}
        what = f"profile {name}: point {table.get('name', number)}"
        problems += [f"{what}: {problem}" for problem in _flaws(table)]
        if table.get("name") in tables:
            problems.append(f"{what} is there twice")
        tables[str(table.get("name"))] = table
    if problems:
        raise ProfileError(problems)
    return Profile(name, data["title"], data["source"], data.get("note", ""), tables)


def choose(profile: Profile, names: Sequence[str] | None) -> list[Table]:
    """The tables of the points called ``names``, in that order; None: all of them.

    Raises ProfileError naming each that the profile has not, with the nearest that it has.
    """
    if names is None:
        return list(profile.tables.values())
    problems = [
        f"profile {profile.name} has no point {name} ({nearest(name, profile.tables)})"
        for name in names
        if name not in profile.tables
    ]
    problems += [
        f"{name} is chosen twice" for name in dict.fromkeys(names) if names.count(name) > 1
    ]
    if problems:
        raise ProfileError(problems)
    return [profile.tables[name] for name in names]


def unknown_profile(name: str, known: Iterable[str]) -> ProfileError:
    """What to tell somebody who asks for a profile that is nowhere."""
    return ProfileError(
        [f"there is no profile {name}"],
        f"{nearest(name, known)}; banksman modbus profiles lists them, and your own belong into"
        " profiles/ beside the config",
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """``did you mean voltage_l1?``, or what there is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"known: {', '.join(names[:12])}{'…' if len(names) > 12 else ''}"


def _shape(data: Table) -> Iterator[str]:
    """What is wrong with the file as a whole."""
    for key in sorted(data.keys() - {"title", "source", "note", "defaults", "point"}):
        yield f"nothing reads {key}"
    for key in ("title", "source"):
        if not isinstance(data.get(key), str) or not data[key].strip():
            yield f"{key} is missing: a line of text"
    if not isinstance(data.get("note", ""), str):
        yield "note is no text"
    if not isinstance(data.get("defaults", {}), dict):
        yield "defaults is no table"
    elif "name" in data.get("defaults", {}):
        yield "defaults has a name, and names are each point's own"
    points = data.get("point")
    if not isinstance(points, list) or not all(isinstance(each, dict) for each in points):
        yield "[[point]] tables are missing"
    elif not 1 <= len(points) <= POINTS_MAX:
        yield f"has {len(points)} points, not 1 to {POINTS_MAX}"


def _flaws(table: Table) -> Iterator[str]:
    try:
        point = ModbusPoint.model_validate(table, strict=True)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False):
            yield f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
        return
    for flaw in point.flaws(()):
        yield f"{'.'.join(map(str, flaw.path))} {flaw.message}"
    if point.low is not None and point.high is not None and point.low >= point.high:
        yield f"low is {point.low:g}, not under high {point.high:g}"
