"""What must hold among devices, their points and outputs, and within the guard."""

from __future__ import annotations

import keyword
from collections.abc import Sequence

from banksman.config.inventory import GUARD_ID, Inventory
from banksman.config.report import Report
from banksman.config.schema import Config
from banksman.deciding.locate import Path
from banksman.deciding.units import doubt
from banksman_drivers.settings.base import OutputSettings, PointSettings
from banksman_drivers.settings.guard import GuardSettings


def check_devices(config: Config, inventory: Inventory, report: Report) -> None:
    """Every device, and the guard if there is one."""
    report.twice(("device",), "id", (device.id for device in config.devices))
    for index, device in enumerate(config.devices):
        path: Path = ("device", index)
        if device.id == GUARD_ID:
            report.problem((*path, "id"), "guard is the id of the guard itself", "choose another")
        _check_word((*path, "id"), device.id, report)
        _check_points(path, device.declared_points(), report)
        _check_outputs(path, device.declared_outputs(), report)
        beside = device.flaws_beside(config.devices[:index])
        for flaw in (*device.flaws(), *beside):
            report.problem((*path, *flaw.path), flaw.message, flaw.remedy)
    if config.guard is not None:
        _check_guard(config.guard, report)
    if not inventory.sensors and not config.devices:
        report.warn(("device",), "there is no device", "add a [[device]] table")


def _check_word(path: Path, name: str, report: Report) -> None:
    if keyword.iskeyword(name):
        report.problem(path, f"{name} is a word of the rule language", "choose another name")


def _check_points(path: Path, points: Sequence[PointSettings], report: Report) -> None:
    report.twice((*path, "point"), "name", (point.name for point in points))
    for index, point in enumerate(points):
        own = (*path, "point", index)
        _check_word((*own, "name"), point.name, report)
        if point.low is not None and point.high is not None and point.low >= point.high:
            report.problem((*own, "low"), f"is {point.low:g}, not under high {point.high:g}")
        near = None if point.unit == "flag" else doubt(point.unit)
        if near is not None:
            hint = f"did you mean {near}? As it stands it is a unit of its own"
            report.warn((*own, "unit"), f"unit {point.unit} is not in the table", hint)


def _check_outputs(path: Path, outputs: Sequence[OutputSettings], report: Report) -> None:
    report.twice((*path, "output"), "name", (output.name for output in outputs))
    for index, output in enumerate(outputs):
        _check_word((*path, "output", index, "name"), output.name, report)


def _check_guard(guard: GuardSettings, report: Report) -> None:
    names = [item.name for item in guard.inputs]
    report.twice(("guard", "input"), "name", names)
    report.twice(("guard", "output"), "name", (item.name for item in guard.outputs))
    ends = [("input", "source", item.name, item.source) for item in guard.inputs]
    ends += [("output", "target", item.name, item.target) for item in guard.outputs]
    taken: dict[str, str] = {}
    for place, (key, what, name, end) in enumerate(ends):
        index = place if key == "input" else place - len(guard.inputs)
        path: Path = ("guard", key, index)
        _check_word((*path, "name"), name, report)
        if name == "latched" or (key == "output" and name in names):
            hint = "guard.latched and guard.<input> are sensors"
            report.problem((*path, "name"), f"guard.{name} is taken", hint)
        other = taken.setdefault(end, name)
        if other != name:
            report.problem((*path, what), f"{end} is used by {other} as well", "one line each")
    _check_pairs(guard, report)


def _check_pairs(guard: GuardSettings, report: Report) -> None:
    by_name = {item.name: item for item in guard.inputs}
    for index, item in enumerate(guard.inputs):
        path: Path = ("guard", "input", index, "pair")
        if item.pair is None:
            if "discrepancy_ms" in item.model_fields_set:
                own: Path = (*path[:-1], "discrepancy_ms")
                report.problem(own, "nothing reads it without pair", "name the other channel")
            continue
        if report.unknown(path, "guard input", item.pair, by_name) or item.pair not in by_name:
            continue
        other = by_name[item.pair]
        if item.pair == item.name:
            report.problem(path, "is its own pair", "name the other channel")
        elif other.pair != item.name:
            hint = f'write pair = "{item.name}" at {other.name}'
            report.problem(path, f"{other.name} does not name {item.name} as its pair", hint)
        elif other.kind != item.kind or item.kind != "estop":
            report.problem(path, "only two e-stop inputs make a pair", 'kind = "estop" at both')
