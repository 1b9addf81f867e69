"""What must hold among inspections, their cameras, triggers and encoders, and of nudges."""

from __future__ import annotations

import importlib.util
import keyword
from pathlib import Path as FilePath

from banksman.config.inventory import GUARD_ID, Inventory
from banksman.config.report import Report
from banksman.config.schema import Config
from banksman.config.schema_deciding import ActionSettings, DecisionSettings
from banksman.config.schema_vision import InspectionSettings, RejectSettings
from banksman.deciding.locate import Path


def check_inspections(
    config: Config, folder: FilePath, inventory: Inventory, report: Report
) -> None:
    """Every inspection; ``folder`` is where relative paths start."""
    report.twice(("inspection",), "id", (each.id for each in config.inspections))
    devices = {device.id: device.driver for device in config.devices}
    for index, item in enumerate(config.inspections):
        path: Path = ("inspection", index)
        if item.id in devices or item.id == GUARD_ID:
            hint = "choose another: rules tell things apart by it"
            report.problem((*path, "id"), f"{item.id} is a device already", hint)
        if keyword.iskeyword(item.id):
            report.problem((*path, "id"), f"{item.id} is a word of the rule language")
        unknown = report.unknown((*path, "camera"), "device", item.camera, devices)
        if not unknown and devices.get(item.camera, "camera") != "camera":
            hint = 'a [[device]] with driver = "camera"'
            report.problem((*path, "camera"), f"{item.camera} is no camera", hint)
        if item.bundle_file is not None and not (folder / item.bundle_file).exists():
            report.warn((*path, "bundle_file"), f"{folder / item.bundle_file} is not there yet")
        _check_limits(path, item, report)
        _check_trigger(path, item, inventory, report)
        if item.reject is not None:
            _check_reject((*path, "reject"), item.reject, inventory, report)
        if item.codes and importlib.util.find_spec("zxingcpp") is None:
            hint = "pip install 'banksman[codes]'"
            report.warn((*path, "codes"), "the library that reads codes is not installed", hint)


def _check_limits(path: Path, item: InspectionSettings, report: Report) -> None:
    if item.needed > item.of:
        report.problem((*path, "needed"), f"{item.needed} of {item.of} cannot be", "needed <= of")
    low, high = item.warning_above, item.critical_above
    if low is not None and high is not None and high < low:
        report.problem((*path, "critical_above"), f"is under warning_above {low:g}")


def _check_trigger(
    path: Path, item: InspectionSettings, inventory: Inventory, report: Report
) -> None:
    if item.trigger is None:
        for name in ("trigger_delay_ms", "trigger_wait_ms"):
            if name in item.model_fields_set:
                report.problem((*path, name), "nothing reads it without a trigger", "drop it")
        return
    own = (*path, "trigger")
    if item.most_per_s is not None:
        report.problem((*path, "most_per_s"), "nothing reads it with a trigger", "drop it")
    if item.trigger_delay_ms >= item.trigger_wait_ms:
        hint = "it begins at the trigger as well"
        report.problem((*path, "trigger_wait_ms"), "is over before the exposure", hint)
    if not report.unknown(own, "sensor", item.trigger, inventory.sensors):
        _wants(own, item.trigger, "flag", inventory, report)
        if item.trigger.partition(".")[0] == item.id:
            report.problem(own, "is its own reading", "a light barrier, a sensor of the PLC")


def _check_reject(path: Path, item: RejectSettings, inventory: Inventory, report: Report) -> None:
    by_belt, by_time = ("distance_mm", "length_mm"), ("delay_ms", "hold_ms")
    needed, unread = (by_belt, by_time) if item.encoder is not None else (by_time, by_belt)
    with_it = "with" if item.encoder is not None else "without"
    for name in needed:
        if getattr(item, name) is None:
            report.problem((*path, name), f"is missing; a reject {with_it} encoder needs it")
    for name in unread:
        if getattr(item, name) is not None:
            report.problem((*path, name), f"nothing reads it {with_it} encoder", "drop it")
    if item.encoder is not None and not report.unknown(
        (*path, "encoder"), "sensor", item.encoder, inventory.sensors
    ):
        _wants((*path, "encoder"), item.encoder, "mm", inventory, report)


def _wants(path: Path, sensor: str, unit: str, inventory: Inventory, report: Report) -> None:
    found = inventory.sensors.get(sensor, unit)
    if found != unit:
        report.problem(path, f"{sensor} is in {found or 'no unit'}", f"a sensor in {unit}")


def check_nudge(path: Path, action: ActionSettings, inventory: Inventory, report: Report) -> None:
    """An action's nudge."""
    nudge = action.nudge
    if nudge is None:
        return
    entry = inventory.outputs.get(nudge.output)
    if not report.unknown((*path, "output"), "output", nudge.output, inventory.outputs):
        if entry is not None and entry.kind != "number":
            report.problem((*path, "output"), f"{nudge.output} takes no number", "a setpoint")
        if nudge.output in (write.output for write in action.writes):
            report.problem((*path, "output"), f"{nudge.output} is written here as well", "one way")
    report.unknown((*path, "reads"), "sensor", nudge.reads, inventory.sensors)
    if nudge.step == 0:
        report.problem((*path, "step"), "is 0: it would never move", "over or under 0")
    if nudge.low >= nudge.high:
        report.problem((*path, "low"), f"is {nudge.low:g}, not under high {nudge.high:g}")
    elif abs(nudge.step) > nudge.high - nudge.low:
        report.problem((*path, "step"), "is wider than low to high", "a small step")


def check_cases(
    path: Path, decision: DecisionSettings, inventory: Inventory, report: Report
) -> None:
    """What a decision point reads of the cases it decides on."""
    for name in ("each", "confidence"):
        sensor = getattr(decision, name)
        if sensor is not None:
            report.unknown((*path, name), "sensor", sensor, inventory.sensors)
