"""The verbs of `banksman modbus`: each does its work and prints it, for people or as JSON."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, get_args

from banksman.commands.modbus_arguments import TABLES, open_line

if TYPE_CHECKING:
    from banksman.commands.modbus_arguments import Place
    from banksman.commands.modbus_profiles import ToldShelf
    from banksman_drivers.modbus_ask import Asker
    from banksman_drivers.modbus_plan import Table
    from banksman_drivers.modbus_probe import Span
    from banksman_drivers.settings.modbus import ModbusPoint

VALUES_SHOWN = 8


def run_scan(arguments: argparse.Namespace) -> int:
    """Print each unit as it is found; 1 when there is none."""
    from banksman.commands.modbus_work import scan

    found = []
    for unit in scan(arguments, _progress):
        found.append({"where": unit.where, "unit": unit.unit, "identity": unit.identity})
        if not arguments.json:
            _progress("")
            print(f"{unit.where} unit {unit.unit}: {_identity(unit.identity)}")
    _progress("")
    if arguments.json:
        print(json.dumps(found, indent=2))
    elif not found:
        print("nobody answered; check power, addresses, and on a serial line speed and parity")
    return 0 if found else 1


def run_probe(arguments: argparse.Namespace) -> int:
    """Print the identification and what answers; 1 when nothing does."""
    from banksman.commands.modbus_work import ModbusFailed
    from banksman_drivers.modbus_link import Refused
    from banksman_drivers.modbus_probe import identify, walk
    from banksman_drivers.ports import DeviceLost

    if arguments.profile is not None:
        return _probe_profile(arguments)
    identity: dict[str, str] = {}
    tables: dict[Table, list[Span]] = {}
    with _line(arguments) as asker:
        try:
            identity = identify(asker, arguments.unit)
        except Refused:
            identity = {}  # it has no such function, which is no fault
        except DeviceLost as error:
            print(f"no identification: {error}", file=sys.stderr)
        for table in TABLES:
            spans: list[Span] = []
            try:
                for spans in walk(asker, arguments.unit, table, *arguments.addresses):
                    _progress(f"{table}: {sum(len(each.values) for each in spans)} answer")
            except DeviceLost as error:
                raise ModbusFailed(f"{table}: {error}") from error
            finally:
                _progress("")
            tables[table] = spans
    if arguments.json:
        shown = {
            table: [{"address": each.address, "values": each.values} for each in spans]
            for table, spans in tables.items()
        }
        print(json.dumps({"identity": identity, "tables": shown}, indent=2))
    else:
        print(_identity(identity))
        for table, spans in tables.items():
            print(f"{table}: {'nothing answers' if not spans else ''}".rstrip())
            for each in spans:
                more = " …" if len(each.values) > VALUES_SHOWN else ""
                values = " ".join(map(str, each.values[:VALUES_SHOWN]))
                print(f"  {each.address}-{each.last}: {values}{more}")
    return 0 if identity or any(tables.values()) else 1


def _probe_profile(arguments: argparse.Namespace) -> int:
    """Every point of the profile, read and judged: is it the device that we take it for?"""
    profile = _shelf(arguments).read(arguments.profile)
    return _show_points(arguments, profile.points())


def run_read(arguments: argparse.Namespace) -> int:
    """Print the values; 1 when one was refused or is none."""
    points = [_point(each, arguments, f"p{index}") for index, each in enumerate(arguments.places)]
    return _show_points(arguments, points, arguments.places)


def _show_points(
    arguments: argparse.Namespace,
    points: Sequence[ModbusPoint],
    places: Sequence[Place] | None = None,
) -> int:
    from banksman.commands.modbus_work import read_points
    from banksman_drivers.ports import Quality

    with _line(arguments) as asker:
        by_name = {
            reading.sensor.partition(".")[2]: (reading, refusal)
            for reading, refusal in read_points(asker, arguments.unit, points)
        }
    rows: list[dict[str, Any]] = []
    for index, point in enumerate(points):
        reading, refusal = by_name[point.name]
        name = point.name if places is None else str(places[index])
        value = None if math.isnan(reading.value) else reading.value
        quality = reading.quality.name.lower()
        rows.append(
            {"name": name, "value": value, "unit": point.unit, "quality": quality,
             "refusal": refusal}
        )  # fmt: skip
        if not arguments.json:
            shown = "-" if value is None else f"{value:.9g}"
            doubt = refusal or ("" if reading.quality is Quality.GOOD else quality)
            print(f"{name:<20} {shown:>14} {point.unit:<6} {doubt}".rstrip())
    if arguments.json:
        print(json.dumps(rows, indent=2))
    return 0 if all(row["quality"] == "good" for row in rows) else 1


def run_write(arguments: argparse.Namespace) -> int:
    """Write and read back; 1 when the device does not hold it, 2 without --yes."""
    from banksman.commands.modbus_work import WrongUsage, write

    target: Place = arguments.place
    if target.table not in ("coil", "holding"):
        raise WrongUsage(f"{target} cannot be written: only coils and holding registers can")
    point = _point(target, arguments, "value")
    if not arguments.yes:
        print(
            f"would write {arguments.value:g} to {target} of unit {arguments.unit}. This acts on a"
            " machine at once, past the interlocks of this appliance: see that nobody is in its"
            " reach, then repeat it with --yes. Nothing was written.",
            file=sys.stderr,
        )
        return 2
    with _line(arguments) as asker:
        done = write(asker, arguments.unit, target, point, arguments.value)
    if arguments.json:
        row = {"place": done.place, "before": _finite(done.before), "after": _finite(done.after)}
        print(json.dumps({**row, "holds": done.holds}))
    elif done.holds:
        print(f"{done.place}: was {done.before:g}, is {done.after:g}")
    else:
        print(f"{done.place}: confirmed, but it holds {done.after:g} (was {done.before:g}); does"
              " the device's own program write there?")  # fmt: skip
    return 0 if done.holds else 1


def run_profiles(arguments: argparse.Namespace) -> int:
    """List the profiles, or one with its points."""
    from banksman.commands.modbus_profiles import page, summary

    shelf = _shelf(arguments)
    if arguments.reference:
        print(page([shelf.read(name) for name in shelf.names]), end="")
        return 0
    if arguments.name is None:
        rows = [summary(shelf.read(name), own=shelf.is_own(name)) for name in shelf.names]
        if arguments.json:
            print(json.dumps(rows, indent=2))
        else:
            for row in rows:
                own = " (your own)" if row["own"] else ""
                print(f"{row['name']:<28} {row['points']:>3} points  {row['title']}{own}")
        return 0
    profile = shelf.read(arguments.name)
    if arguments.json:
        row = summary(profile, own=shelf.is_own(profile.name))
        print(json.dumps({**row, "points": list(profile.tables.values())}, indent=2))
        return 0
    print(f"{profile.title}\nfrom: {profile.source}")
    if profile.note:
        print(profile.note)
    for point in profile.points():
        where = f"{point.table}:{point.address}"
        print(f"  {point.name:<18} {where:<14} {point.type:<8} {point.unit:<6} {point.label}")
    return 0


@contextmanager
def _line(arguments: argparse.Namespace) -> Iterator[Asker]:
    from banksman.commands.modbus_work import ModbusFailed
    from banksman_drivers.ports import DriverError

    try:
        asker = open_line(arguments)
    except DriverError as error:
        raise ModbusFailed(str(error)) from error
    try:
        yield asker
    finally:
        asker.close()


def _shelf(arguments: argparse.Namespace) -> ToldShelf:
    from banksman.commands.modbus_profiles import ToldShelf

    return ToldShelf(None if arguments.config is None else arguments.config.parent)


def _point(where: Place, arguments: argparse.Namespace, name: str) -> ModbusPoint:
    """The point that the options describe; a slip in them ends as wrong usage."""
    from banksman.commands.modbus_work import WrongUsage
    from banksman_drivers.settings.modbus import ModbusPoint
    from banksman_drivers.settings.modbus_values import ModbusType

    kind = arguments.type or ("bit" if where.table in ("coil", "discrete") else "uint16")
    if kind not in get_args(ModbusType):
        raise WrongUsage(f"--type {kind}: one of {', '.join(get_args(ModbusType))}")
    point = ModbusPoint(
        name=name, table=where.table, address=where.address, type=kind,
        word_order=arguments.word_order, scale=arguments.scale,
    )  # fmt: skip
    for flaw in point.flaws(()):
        raise WrongUsage(f"{where}: {'.'.join(map(str, flaw.path))} {flaw.message}")
    return point


def _identity(identity: dict[str, str]) -> str:
    if not identity:
        return "does not tell who it is"
    return ", ".join(f"{key} {value!r}" for key, value in identity.items())


def _progress(text: str) -> None:
    """One line that is written over, for people only."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
