"""What must hold among devices, their points and outputs, and within the guard."""

from __future__ import annotations

import keyword
import math

from banksman.config.inventory import GUARD_ID, Inventory
from banksman.config.report import Report
from banksman.config.schema import Config
from banksman.deciding.locate import Path
from banksman.deciding.units import doubt
from banksman_drivers.settings import (
    FakeSettings,
    GuardSettings,
    ModbusOutput,
    ModbusPoint,
    ModbusTcpSettings,
    OutputSettings,
    PointSettings,
    ReplaySettings,
    Vda5050Settings,
)

REGISTERS = {"uint32": 2, "int32": 2, "float32": 2, "uint64": 4, "int64": 4, "float64": 4}
_INTEGERS = {
    "uint16": (0, 2**16 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint32": (0, 2**32 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint64": (0, 2**64 - 1),
    "int64": (-(2**63), 2**63 - 1),
}


def check_devices(config: Config, inventory: Inventory, report: Report) -> None:
    """Every device, and the guard if there is one."""
    report.twice(("device",), "id", (device.id for device in config.devices))
    for index, device in enumerate(config.devices):
        path: Path = ("device", index)
        if device.id == GUARD_ID:
            report.problem((*path, "id"), "guard is the id of the guard itself", "choose another")
        _check_word((*path, "id"), device.id, report)
        if isinstance(device, Vda5050Settings):
            continue
        _check_points(path, device.points, report)
        if isinstance(device, (ModbusTcpSettings, FakeSettings)):
            _check_outputs(path, device, report)
        if isinstance(device, ReplaySettings):
            _check_replay(path, device, report)
    if config.guard is not None:
        _check_guard(config.guard, report)
    if not inventory.sensors and not config.devices:
        report.warn(("device",), "there is no device", "add a [[device]] table")


def _check_word(path: Path, name: str, report: Report) -> None:
    if keyword.iskeyword(name):
        report.problem(path, f"{name} is a word of the rule language", "choose another name")


def _check_points(
    path: Path, points: list[PointSettings] | list[ModbusPoint], report: Report
) -> None:
    report.twice((*path, "point"), "name", (point.name for point in points))
    for index, point in enumerate(points):
        own = (*path, "point", index)
        _check_word((*own, "name"), point.name, report)
        if point.low is not None and point.high is not None and point.low >= point.high:
            report.problem((*own, "low"), f"is {point.low:g}, not under high {point.high:g}")
        if isinstance(point, ModbusPoint):
            _check_modbus_point(own, point, report)
        near = None if point.unit == "flag" else doubt(point.unit)
        if near is not None:
            hint = f"did you mean {near}? As it stands it is a unit of its own"
            report.warn((*own, "unit"), f"unit {point.unit} is not in the table", hint)


def _check_modbus_point(path: Path, point: ModbusPoint, report: Report) -> None:
    if point.scale == 0:
        report.problem((*path, "scale"), "is 0, so every reading would be the offset", "not 0")
    # uint16 is what a point has that names no type.
    if point.table in ("coil", "discrete") and point.type not in ("bit", "uint16"):
        hint = 'write type = "bit", or table = "holding" or "input"'
        report.problem((*path, "type"), f"a {point.table} holds one bit, no {point.type}", hint)
    if point.address + REGISTERS.get(point.type, 1) > 65536:
        report.problem((*path, "address"), f"{point.type} at {point.address} ends over 65535")


def _check_outputs(path: Path, device: ModbusTcpSettings | FakeSettings, report: Report) -> None:
    report.twice((*path, "output"), "name", (output.name for output in device.outputs))
    for index, output in enumerate(device.outputs):
        own = (*path, "output", index)
        _check_word((*own, "name"), output.name, report)
        if isinstance(output, ModbusOutput):
            _check_modbus_output(own, output, report)
        if isinstance(device, ModbusTcpSettings) and output.run_permit and device.watchdog is None:
            report.problem(
                (*own, "run_permit"),
                f"{device.id}.{output.name} would outlive this box: nothing in the PLC watches us",
                f"add watchdog = {{ address = … }} to device {device.id}, or drop run_permit",
            )
    if isinstance(device, ModbusTcpSettings):
        _check_overlaps(path, device, report)


def _check_modbus_output(path: Path, output: ModbusOutput, report: Report) -> None:
    if output.scale == 0:
        report.problem((*path, "scale"), "is 0, so no value could be written", "not 0")
        return
    if output.table == "coil" and output.type != "bit":
        report.problem((*path, "type"), f"a coil holds one bit, no {output.type}", 'type = "bit"')
    if output.address + REGISTERS.get(output.type, 1) > 65536:
        report.problem((*path, "address"), f"{output.type} at {output.address} ends over 65535")
    _check_safe((*path, "safe"), output, report)


def _check_safe(path: Path, output: ModbusOutput, report: Report) -> None:
    """The safe state must be something that the register can hold."""
    safe: OutputSettings | bool | float | str = output.safe
    if output.type == "bit":
        if not isinstance(safe, bool):
            report.problem(path, f"is {safe!r}, and a bit is on or off", "write true or false")
        return
    if isinstance(safe, bool) or not isinstance(safe, (int, float)):
        report.problem(path, f"is {safe!r}, and {output.type} is a number", "write a number")
        return
    limits = _INTEGERS.get(output.type)
    raw = (safe - output.offset) / output.scale
    if limits is not None and not limits[0] <= round(raw) <= limits[1]:
        low, high = (limit * output.scale + output.offset for limit in limits)
        hint = f"{output.type} with this scale holds {min(low, high):g} to {max(low, high):g}"
        report.problem(path, f"is {safe:g}, outside what the register holds", hint)


def _check_overlaps(path: Path, device: ModbusTcpSettings, report: Report) -> None:
    """No two writers of one coil or register, our watchdog included."""
    taken: dict[tuple[str, int], str] = {}
    if device.watchdog is not None:
        taken["holding", device.watchdog.address] = "the watchdog register"
    for index, output in enumerate(device.outputs):
        for address in range(output.address, output.address + REGISTERS.get(output.type, 1)):
            other = taken.setdefault((output.table, address), output.name)
            if other != output.name:
                message = f"{output.table} {address} is written by {other} as well"
                report.problem((*path, "output", index, "address"), message, "one writer each")
                break


def _check_replay(path: Path, device: ReplaySettings, report: Report) -> None:
    if device.format == "csv":
        for key in ("rate_hz", "array"):
            if key in device.model_fields_set:
                hint = 'it belongs to format = "bursts"'
                report.problem((*path, key), 'nothing reads it with format = "csv"', hint)
    if not math.isfinite(device.scale) or device.scale == 0:
        report.problem((*path, "scale"), f"is {device.scale:g}", "a number other than 0")


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
