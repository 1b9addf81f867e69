"""What must hold among actions, models, decision points, trips and permissives.

Names that are referred to must exist, values must fit the outputs they go to, and an option
that nothing would read is an error. What is allowed and probably not meant is a warning.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from banksman.config.cross_vision import check_cases, check_nudge
from banksman.config.inventory import Inventory
from banksman.config.report import Report
from banksman.config.schema import Config
from banksman.config.schema_deciding import ActionSettings, DecisionSettings, ModelSettings
from banksman.deciding.decision import NO_ACTION
from banksman.deciding.locate import Path
from banksman.deciding.rules import Row

_KIND_WORDS = {"flag": "true or false", "number": "a number", "text": "a text in quotes"}


def check_decisions(config: Config, inventory: Inventory, report: Report) -> None:
    """Actions, models and decision points."""
    report.twice(("action",), "name", (action.name for action in config.actions))
    report.twice(("model",), "name", (model.name for model in config.models))
    report.twice(("decision",), "name", (decision.name for decision in config.decisions))
    for index, action in enumerate(config.actions):
        _check_action(("action", index), action, config, inventory, report)
    for index, model in enumerate(config.models):
        _check_model(("model", index), model, inventory, report)
    for index, decision in enumerate(config.decisions):
        _check_decision(("decision", index), decision, config, inventory, report)


def check_use(config: Config, rows: Collection[Row], report: Report) -> None:
    """What is declared and never used, and decision points that would mostly not know."""
    used = {row.then for row in rows} | {row.safe_action for row in rows}
    for decision in config.decisions:
        used |= {decision.safe_action, decision.model_action or NO_ACTION}
    for index, action in enumerate(config.actions):
        if action.name not in used:
            hint = "name it in a rule's then, or drop it"
            report.warn(("action", index, "name"), f"no rule takes action {action.name}", hint)
    models = {decision.model for decision in config.decisions}
    for index, model in enumerate(config.models):
        if model.name not in models:
            message = f"no decision point uses model {model.name}"
            report.warn(("model", index, "name"), message, "name it in a decision's model")
    tripped = {action.trip for action in config.actions if action.name in used}
    for index, trip in enumerate(config.trips):
        if trip.kind == "process" and trip.cause is None and trip.name not in tripped:
            hint = "give it a cause, or an action with this trip"
            report.warn(("trip", index, "name"), f"nothing latches trip {trip.name}", hint)
    for index, decision in enumerate(config.decisions):
        mine = [row for row in rows if row.point == decision.name]
        _check_coverage(("decision", index), decision, mine, report)


def _check_coverage(
    path: Path, decision: DecisionSettings, rows: Collection[Row], report: Report
) -> None:
    if rows and not decision.rules:
        message = f"rules is false, and {len(rows)} rows belong to {decision.name}"
        report.problem((*path, "rules"), message, "drop the rows or write rules = true")
    if decision.model is not None or decision.ask_cloud:
        return
    if any(row.when.strip() == "True" for row in rows):
        return
    message = f"where no row matches, {decision.name} takes its safe action {decision.safe_action}"
    hint = 'add a last row with when = "True", a model, or ask_cloud = true'
    if decision.safe_action != NO_ACTION:
        report.warn((*path, "name"), message, hint)


def _check_action(
    path: Path, action: ActionSettings, config: Config, inventory: Inventory, report: Report
) -> None:
    if action.name == NO_ACTION:
        report.problem((*path, "name"), "none is the action that does nothing", "choose another")
    seen: set[str] = set()
    for index, write in enumerate(action.writes):
        own = (*path, "writes", index)
        if report.unknown((*own, "output"), "output", write.output, inventory.outputs):
            continue
        if write.output in seen:
            report.problem((*own, "output"), f"{write.output} is written twice", "one value each")
        seen.add(write.output)
        entry = inventory.outputs.get(write.output)
        if entry is not None and not _fits(write.value, entry.kind):
            message = f"is {write.value!r}, which {write.output} does not take"
            report.problem((*own, "value"), message, f"write {_KIND_WORDS[entry.kind]}")
    trips = {trip.name: trip.kind for trip in config.trips}
    if action.trip is not None:
        report.unknown((*path, "trip"), "trip", action.trip, trips)
        if trips.get(action.trip) == "estop":
            hint = "only the guard latches an e-stop; name a process trip"
            report.problem((*path, "trip"), f"{action.trip} is an e-stop trip", hint)
    check_nudge((*path, "nudge"), action, inventory, report)
    if not (action.writes or action.trip or action.alert or action.nudge or action.work_order):
        message = f"action {action.name} writes nothing, trips nothing and tells nobody"
        report.warn(path, message, 'use "none" where nothing shall happen')


def _fits(value: bool | float | str, kind: str) -> bool:
    if kind == "flag":
        return isinstance(value, bool)
    if kind == "text":
        return isinstance(value, str)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_model(path: Path, model: ModelSettings, inventory: Inventory, report: Report) -> None:
    for index, name in enumerate(model.inputs):
        _check_feature((*path, "inputs", index), name, inventory, report)
    if len(set(model.inputs)) < len(model.inputs):
        report.problem((*path, "inputs"), "name a feature twice", "each once, as trained")
    if model.backend == "numpy_head" and model.file is None:
        report.problem((*path, "file"), "is missing", "numpy_head loads an npz file")
    if model.backend == "bundle" and model.file is None:
        report.problem((*path, "file"), "is missing", "banksman bundle build makes one")
    if model.backend == "fake" and model.file is not None:
        report.problem((*path, "file"), "nothing reads it with backend fake", "drop it")


def _check_feature(path: Path, name: str, inventory: Inventory, report: Report) -> None:
    catalogue = inventory.catalogue
    if name in catalogue.features or catalogue.is_undecided(name):
        return
    near = catalogue.nearest(name)
    hint = f"did you mean {near}?" if near else "features are device.point or device.point.mean"
    report.problem(path, f"unknown feature {name}", hint)


def _check_decision(
    path: Path, decision: DecisionSettings, config: Config, inventory: Inventory, report: Report
) -> None:
    for index, name in enumerate(decision.on):
        own = (*path, "on", index)
        if name in inventory.catalogue.features and name not in inventory.sensors:
            hint = f"write {name.rpartition('.')[0]}"
            report.problem(own, f"{name} is a feature; readings of sensors trigger", hint)
        else:
            report.unknown(own, "sensor", name, inventory.sensors)
    for index, name in enumerate(decision.inputs):
        _check_feature((*path, "inputs", index), name, inventory, report)
    actions = {NO_ACTION: 0} | {action.name: 0 for action in config.actions}
    report.unknown((*path, "safe_action"), "action", decision.safe_action, actions)
    if decision.model_action is not None:
        report.unknown((*path, "model_action"), "action", decision.model_action, actions)
    if decision.model is not None:
        report.unknown((*path, "model"), "model", decision.model, _names(config.models))
        if decision.model_action is None:
            hint = "the action taken when the score is over alarm_above"
            report.problem((*path, "model_action"), "is missing, and there is a model", hint)
    check_cases(path, decision, inventory, report)
    _check_unread(path, decision, report)
    if decision.ask_cloud and config.cloud.url is None:
        hint = "add [cloud] url, or drop ask_cloud"
        message = "there is no cloud to ask: its safe action is taken instead"
        report.warn((*path, "ask_cloud"), message, hint)


def _check_unread(path: Path, decision: DecisionSettings, report: Report) -> None:
    given = decision.model_fields_set
    if decision.model is None:
        for key in ("alarm_above", "model_action"):
            if key in given:
                report.problem((*path, key), "nothing reads it without a model", "name the model")
    elif decision.ask_cloud:
        message = "a model answers here, so the cloud is never asked"
        report.problem((*path, "ask_cloud"), message, "drop model or ask_cloud")
    if "deadline_ms" in given and not decision.ask_cloud:
        report.problem(
            (*path, "deadline_ms"), "nothing reads it without ask_cloud", "ask_cloud = true"
        )


def _names(models: list[ModelSettings]) -> Mapping[str, int]:
    return {model.name: 0 for model in models}
