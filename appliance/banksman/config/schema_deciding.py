"""What a decision is made of: points, models, rules, actions, trips and permissives."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from banksman.deciding.decision import DecisionType
from banksman_drivers.settings.base import Ident, Label, Settings, measured_in

Unit01 = Annotated[float, Field(ge=0, le=1)]
PriorityName = Literal["critical", "important", "normal", "background"]


class DecidingSettings(Settings):
    """Limits of confidence, and the cache of model scores."""

    sync_below: Unit01 = Field(0.8, description="a decision less sure than this is uploaded early")
    review_below: Unit01 = Field(
        0.6, description="a decision less sure than this is put before a person"
    )
    cache_entries: int = Field(
        1000, ge=0, le=100_000, description="remembered model scores; 0: none"
    )
    cache_ttl_s: float = Field(
        5.0,
        gt=0,
        le=3600,
        json_schema_extra=measured_in("s"),
        description="how long a remembered score may be used",
    )
    cache_digits: int = Field(3, ge=1, le=9, description="significant digits of the cache key")
    record_every_s: float = Field(
        60.0,
        gt=0,
        le=86_400,
        json_schema_extra=measured_in("s"),
        description="an unchanged decision is recorded again after this long",
    )


class RulesSettings(Settings):
    """Where the rows are."""

    file: str = Field("rules.toml", description="relative to this config file")


class WriteSettings(Settings):
    """One output write of an action."""

    output: str = Field(description="device.output, or guard.output")
    value: bool | float | str = Field(description="what it shall take; in its own unit")


class AlertSettings(Settings):
    """What people are told when an action is taken."""

    text: str = Field(description="what people read, followed by the decision's reason")
    priority: PriorityName = Field("important", description="critical is never held back")


class NudgeSettings(Settings):
    """One bounded step of a setpoint, never beyond its limits and never too often."""

    output: str = Field(description="device.output that takes a number: the setpoint")
    reads: str = Field(description="sensor with the setpoint's present value; unknown: no step")
    step: float = Field(description="added to it, in its own unit; not 0")
    low: float = Field(description="never below; a value beyond is a person's, and is left alone")
    high: float = Field(description="never above")
    min_interval_s: float = Field(
        60.0,
        ge=0.1,
        le=86_400,
        json_schema_extra=measured_in("s"),
        description="time between two steps",
    )


class ActionSettings(Settings):
    """What a decision may do: outputs to write, a trip to latch, people to tell."""

    name: Ident
    writes: list[WriteSettings] = Field(
        default_factory=list, description="outputs to write, in this order"
    )
    trip: str | None = Field(None, description="latches this trip of the interlock")
    alert: AlertSettings | None = Field(
        None, description="tells people, and waits for one to acknowledge"
    )
    nudge: NudgeSettings | None = Field(None, description="moves a setpoint by one bounded step")
    work_order: str | None = Field(
        None, max_length=200, description="advice; opens a work order until a person says done"
    )


class ModelSettings(Settings):
    """A local model: a numpy head, a small bundle of the task `score`, or the fake for trials."""

    name: Ident
    backend: Literal["numpy_head", "bundle", "fake"] = Field(description="what runs it")
    file: str | None = Field(
        None, description="npz of a numpy_head, or a bundle; relative to this config file"
    )
    inputs: list[str] = Field(min_length=1, description="features, in the order it was trained on")


class DecisionSettings(Settings):
    """A decision point: what triggers it, what it sees, and what it does when it cannot tell."""

    name: Ident
    type: DecisionType = Field(description="what kind of decision, for records and figures")
    on: list[str] = Field(min_length=1, description="sensors whose readings trigger it")
    inputs: list[str] = Field(
        default_factory=list, description="features recorded besides those its rules name"
    )
    rules: bool = Field(True, description="use the rows whose `point` is this name")
    model: str | None = Field(None, description="asked when no row is definitive")
    alarm_above: Unit01 = Field(0.5, description="a model score over this takes model_action")
    model_action: str | None = Field(None, description="required with a model")
    ask_cloud: bool = Field(
        False, description="without a model: ask the cloud when no row is definitive"
    )
    deadline_ms: float = Field(
        200.0,
        ge=1,
        le=60_000,
        json_schema_extra=measured_in("ms"),
        description="how long the cloud may take; then safe_action",
    )
    safe_action: str = Field(description="taken whenever it cannot tell; an action, or none")
    priority: PriorityName = Field("normal", description="of its records over a thin link")
    min_interval_ms: float = Field(
        0.0,
        ge=0,
        le=3_600_000,
        json_schema_extra=measured_in("ms"),
        description="at most one decision per this time; 0: one per trigger",
    )
    each: str | None = Field(
        None,
        description="sensor that counts cases (parts): its next value is acted on and recorded"
        " again, even by a verdict like the last",
    )
    confidence: str | None = Field(
        None,
        description="sensor of 0..1, as inspection.confidence: no decision is surer than it",
    )


class TripSettings(Settings):
    """A latched stop. E-stop trips follow guard inputs; process trips follow causes and actions."""

    name: Ident
    kind: Literal["estop", "process"] = Field(
        description="estop: reset at the machine only; process: on the page, too"
    )
    label: Label = ""
    outputs: list[str] = Field(min_length=1, description="forced to their safe state while latched")
    guard_inputs: list[str] = Field(default_factory=list, description="e-stop inputs of the guard")
    cause: str | None = Field(None, description="rule expression; true trips and blocks the reset")
    reset_input: str | None = Field(
        None, description="sensor or guard input whose release resets the trip"
    )


class PermissiveSettings(Settings):
    """A condition that must hold before an output may leave its safe state."""

    output: str = Field(description="device.output, or guard.output")
    when: str = Field(description="rule expression")
    reason: str = Field(description="told to people while it does not hold")
