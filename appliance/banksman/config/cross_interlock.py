"""What must hold among trips and permissives; their expressions are compiled here.

Who may reset what is a safety rule: an e-stop trip is reset at the machine only, by a guard
input of kind reset; a process trip by a person on the page or by a reset input.
"""

from __future__ import annotations

from banksman.config.inventory import GUARD_ID, Inventory
from banksman.config.report import Report
from banksman.config.schema import Config
from banksman.config.schema_deciding import TripSettings
from banksman.deciding.condition import Condition, compile_condition
from banksman.deciding.locate import Path
from banksman.errors import ConfigError


def check_interlock(
    config: Config, inventory: Inventory, report: Report
) -> tuple[dict[str, Condition], list[Condition]]:
    """Check all; returns the causes by trip name, and the permissives in their order."""
    report.twice(("trip",), "name", (trip.name for trip in config.trips))
    causes: dict[str, Condition] = {}
    for index, trip in enumerate(config.trips):
        path: Path = ("trip", index)
        for place, output in enumerate(trip.outputs):
            report.unknown((*path, "outputs", place), "output", output, inventory.outputs)
        if trip.kind == "estop":
            _check_estop(path, trip, config, report)
        else:
            _check_process(path, trip, inventory, report)
        if trip.cause is not None:
            cause = _compile((*path, "cause"), trip.cause, inventory, report)
            if cause is not None:
                causes[trip.name] = cause
    permissives: list[Condition] = []
    for index, permissive in enumerate(config.permissives):
        path = ("permissive", index)
        report.unknown((*path, "output"), "output", permissive.output, inventory.outputs)
        when = _compile((*path, "when"), permissive.when, inventory, report)
        if when is not None:
            permissives.append(when)
    _check_followed(config, report)
    return causes, permissives


def _compile(path: Path, text: str, inventory: Inventory, report: Report) -> Condition | None:
    try:
        return compile_condition(text, inventory.catalogue, report.file, str(path[-1]))
    except ConfigError as error:
        for problem in error.problems:
            report.problem(path, problem.message, problem.hint)
        return None


def _check_estop(path: Path, trip: TripSettings, config: Config, report: Report) -> None:
    kinds = {item.name: item.kind for item in config.guard.inputs} if config.guard else {}
    estops = [name for name, kind in kinds.items() if kind == "estop"]
    resets = [f"{GUARD_ID}.{name}" for name, kind in kinds.items() if kind == "reset"]
    if not trip.guard_inputs:
        hint = "an e-stop trip follows inputs of [guard]"
        report.problem((*path, "guard_inputs"), "is missing", hint)
    for index, name in enumerate(trip.guard_inputs):
        own = (*path, "guard_inputs", index)
        if name in kinds and name not in estops:
            report.problem(own, f"{name} is not of kind estop", "list the e-stop inputs")
        else:
            report.unknown(own, "guard input", name, estops)
    if trip.cause is not None:
        hint = 'an e-stop follows the guard alone; use kind = "process"'
        report.problem((*path, "cause"), "an e-stop trip has no cause of its own", hint)
    if trip.reset_input is not None and trip.reset_input not in resets:
        known = f"one of: {', '.join(resets)}" if resets else "add one to [guard]"
        message = f"{trip.reset_input} is no guard input of kind reset"
        report.problem((*path, "reset_input"), message, known)
    elif not resets and config.guard is not None:
        hint = 'add an input of kind = "reset" to [guard]'
        report.problem(path, "nothing at the machine can reset this e-stop trip", hint)


def _check_process(path: Path, trip: TripSettings, inventory: Inventory, report: Report) -> None:
    if trip.guard_inputs:
        hint = 'guard inputs belong to kind = "estop"; name a cause instead'
        report.problem((*path, "guard_inputs"), "nothing reads it in a process trip", hint)
    if trip.reset_input is None:
        return
    own = (*path, "reset_input")
    if not report.unknown(own, "sensor", trip.reset_input, inventory.sensors):
        unit = inventory.sensors.get(trip.reset_input, "flag")
        if unit != "flag":
            message = f"{trip.reset_input} is no flag: a reset is pressed and released"
            report.problem(own, message, 'use a point with unit = "flag"')


def _check_followed(config: Config, report: Report) -> None:
    """An e-stop input that no trip follows still drops guard outputs, and nothing else."""
    followed = {name for trip in config.trips for name in trip.guard_inputs}
    for index, item in enumerate(config.guard.inputs if config.guard else ()):
        if item.kind == "estop" and item.name not in followed:
            message = f"no e-stop trip follows {item.name}: only guard outputs drop"
            hint = 'list it in guard_inputs of a [[trip]] of kind = "estop"'
            report.warn(("guard", "input", index, "name"), message, hint)
