"""What pydantic found wrong, in the words of the datasheet: key, line, allowed range, unit."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import msgspec
from pydantic import ValidationError

from banksman.config.datasheet import Datasheet
from banksman.deciding.locate import Path

VALUE_CHARS_MAX = 60


class Finding(msgspec.Struct, frozen=True):
    """One problem by key path. ``unknown``: nothing reads this key, so it may be left out."""

    path: Path
    message: str
    hint: str
    unknown: bool = False


def explain(error: ValidationError, data: dict[str, object]) -> list[Finding]:
    """Every problem once; union members that all refused one value are one problem."""
    sheet = Datasheet()
    found: dict[Path, Finding] = {}
    for item in error.errors(include_url=False, include_input=False):
        missing = item["type"] == "missing"
        path = _own_path(item["loc"], data, missing)
        found.setdefault(path, _finding(sheet, path, item["type"], data))
    return list(found.values())


def nearest(name: str, known: Iterable[str]) -> str:
    """``did you mean poll_ms?``, or what there is."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]}?"
    if not names:
        return "none is configured"
    more = "…" if len(names) > 12 else ""
    return f"known: {', '.join(sorted(names)[:12])}{more}"


def value_at(path: Path, data: object) -> object:
    """What stands at ``path``; None when nothing does."""
    for part in path:
        if isinstance(part, int):
            data = data[part] if isinstance(data, list) and part < len(data) else None
        else:
            data = data.get(part) if isinstance(data, dict) else None
    return data


def shown(value: object) -> str:
    """A wrong value for people, on one line and not too long."""
    text = repr(value) if not isinstance(value, (dict, list)) else f"a {_noun(value)}"
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[: VALUE_CHARS_MAX - 1]}…"


def _noun(value: object) -> str:
    return "table" if isinstance(value, dict) else "list"


def _own_path(loc: Sequence[str | int], data: object, missing: bool) -> Path:
    """The key path in the file: pydantic adds the names of union members, the file has none."""
    path: Path = ()
    for index, part in enumerate(loc):
        is_key = isinstance(data, dict) and part in data
        is_index = isinstance(data, list) and isinstance(part, int) and part < len(data)
        last_missing = missing and index == len(loc) - 1
        if is_key or is_index or last_missing:
            path = (*path, part)
            data = None if last_missing else value_at((part,), data)
    return path


def _finding(sheet: Datasheet, path: Path, kind: str, data: dict[str, object]) -> Finding:
    value = value_at(path, data)
    if kind == "extra_forbidden":
        above = sheet.node(path[:-1], data) or {}
        hint = nearest(str(path[-1]), above.get("properties", {}))
        return Finding(path, "unknown option, nothing reads it", hint, unknown=True)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        node = sheet.node(path, data) or {}
        mapping = node.get("discriminator", {}).get("mapping", {})
        if kind == "union_tag_not_found" or not isinstance(value, dict):
            return Finding(path, "driver is missing", f"one of: {', '.join(mapping)}")
        name = str(value.get("driver"))
        return Finding((*path, "driver"), f"unknown driver {shown(name)}", nearest(name, mapping))
    node = sheet.node(path, data) or {}
    option = sheet.option(str(path[-1]) if path else "", node, required=False)
    meaning = f"; {option.meaning}" if option.meaning else ""
    if kind == "missing":
        return Finding(path, "is missing", f"{option.shape()}{meaning}")
    return Finding(path, f"is {shown(value)}", f"must be: {option.shape()}{meaning}")
