"""What must hold among machines, their sensors, bearings and speeds."""

from __future__ import annotations

import keyword

from banksman.config.inventory import GUARD_ID, Inventory
from banksman.config.report import Report
from banksman.config.schema import Config
from banksman.config.schema_maintenance import MachineSettings
from banksman.deciding.locate import Path
from banksman.maintenance.bearings import bearing_orders


def check_machines(config: Config, inventory: Inventory, report: Report) -> None:
    """Every machine."""
    report.twice(("machine",), "id", (each.id for each in config.machines))
    taken = {device.id for device in (*config.devices, *config.inspections)} | {GUARD_ID}
    bursts = {
        f"{device.id}.{offer.name}": offer.bursts
        for device in config.devices
        for offer in device.sensor_offers()
    }
    for index, item in enumerate(config.machines):
        path: Path = ("machine", index)
        if item.id in taken:
            hint = "choose another: rules tell things apart by it"
            report.problem((*path, "id"), f"{item.id} is a device or an inspection already", hint)
        if keyword.iskeyword(item.id):
            report.problem((*path, "id"), f"{item.id} is a word of the rule language")
        if not item.vibration and not item.slow:
            hint = "add [[machine.vibration]] or [[machine.slow]] tables"
            report.problem(path, "has no sensors, so nothing can be said of it", hint)
        _check_sensors(path, item, inventory, bursts, report)
        _check_speed(path, item, inventory, report)
        _check_tacho((*path, "tacho", "sensor"), item, inventory, bursts, report)
        if item.settle_windows >= item.learn_windows:
            message = f"is not under learn_windows = {item.learn_windows}"
            report.problem((*path, "settle_windows"), message, "nothing would be learned from")


def _check_sensors(
    path: Path,
    item: MachineSettings,
    inventory: Inventory,
    bursts: dict[str, bool],
    report: Report,
) -> None:
    report.twice((*path, "vibration"), "sensor", (each.sensor for each in item.vibration))
    report.twice((*path, "slow"), "sensor", (each.sensor for each in item.slow))
    own = f"{item.id}."
    for index, each in enumerate(item.vibration):
        at = (*path, "vibration", index)
        if report.unknown((*at, "sensor"), "sensor", each.sensor, inventory.sensors):
            continue
        if not bursts.get(each.sensor, True):
            hint = "under [[machine.slow]], or read it by a driver with bursts (i2c, audio)"
            report.problem((*at, "sensor"), f"{each.sensor} gives no bursts of samples", hint)
        if each.bearing is not None:
            try:
                bearing_orders(each.bearing)
            except ValueError as error:
                report.problem((*at, "bearing"), str(error))
    for index, slow in enumerate(item.slow):
        at = (*path, "slow", index, "sensor")
        if slow.sensor.startswith(own):
            report.problem(at, "a machine cannot watch what it says itself")
        else:
            report.unknown(at, "sensor", slow.sensor, inventory.sensors)
    if item.load is not None:
        at = (*path, "load")
        report.unknown((*at, "sensor"), "sensor", item.load.sensor, inventory.sensors)
        idle, above = item.load.idle_above, item.load.loaded_above
        if above is not None and idle is None:
            hint = "idle_above = …; or leave both out, and the states are learned"
            report.problem((*path, "load", "loaded_above"), "needs its partner", hint)
        elif above is not None and idle is not None and above <= idle:
            message = f"is not over idle_above = {idle:g}"
            report.problem((*path, "load", "loaded_above"), message, "stopped < idle < loaded")


def _check_tacho(
    at: Path,
    item: MachineSettings,
    inventory: Inventory,
    bursts: dict[str, bool],
    report: Report,
) -> None:
    if item.tacho is None:
        return
    tacho = item.tacho.sensor
    if report.unknown(at, "sensor", tacho, inventory.sensors):
        return
    if not bursts.get(tacho, True):
        hint = "as speed = …, if it gives 1/min"
        report.problem(at, f"{tacho} gives no bursts of samples", hint)
    device = tacho.partition(".")[0]
    for each in item.vibration:
        if each.sensor.partition(".")[0] != device:
            hint = "connect the tacho to a channel of the device that samples the vibration"
            message = f"{tacho} is not sampled beside {each.sensor}: no angle is known there"
            report.problem(at, message, hint)
        elif each.sensor == tacho:
            report.problem(at, f"{tacho} is watched as vibration already", "give its own channel")


def _check_speed(path: Path, item: MachineSettings, inventory: Inventory, report: Report) -> None:
    if item.speed is not None:
        report.unknown((*path, "speed"), "sensor", item.speed, inventory.sensors)
        if item.speed_rpm is not None:
            report.problem((*path, "speed_rpm"), "nothing reads it beside speed", "drop one")
    if item.speed_nominal and item.speed_rpm is None:
        hint = "speed_rpm = …, as on the plate"
        report.problem(
            (*path, "speed_nominal"), "says how speed_rpm is meant, and there is none", hint
        )
    knows_speed = any(each is not None for each in (item.speed, item.speed_rpm, item.tacho))
    for index, each in enumerate(item.vibration):
        if each.bearing is not None and not knows_speed:
            hint = "speed_rpm = … or speed = a sensor"
            message = "no fault of it can be named without the shaft's speed"
            report.problem((*path, "vibration", index, "bearing"), message, hint)
    if (item.group is None) != (item.foundation is None):
        present = "group" if item.foundation is None else "foundation"
        report.problem((*path, present), "needs its partner", "group and foundation go together")
