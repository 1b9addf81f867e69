"""appliance.toml as a datasheet: every option with its bounds, unit, default and meaning.

Values only; reading and complaining is `banksman.config.load`. What crosses tables (a rule's
action that nobody declared, an output that no device has) is `banksman.config.cross`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from banksman.deciding.decision import DecisionType, Mode
from banksman_drivers.settings import (
    DeviceSettings,
    GuardSettings,
    Ident,
    Port,
    Settings,
    measured_in,
)

Unit01 = Annotated[float, Field(ge=0, le=1)]
PriorityName = Literal["critical", "important", "normal", "background"]


class NodeSettings(Settings):
    """Who this box is and whether it may act."""

    id: str = Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.]{0,62}$", description="unique in the fleet")
    site: str = ""
    mode: Mode = "observe"


class DecidingSettings(Settings):
    """Limits of confidence, and the cache of model scores."""

    sync_below: Unit01 = 0.8
    review_below: Unit01 = 0.6
    cache_entries: int = Field(1000, ge=0, le=100_000)
    cache_ttl_s: float = Field(5.0, gt=0, le=3600, json_schema_extra=measured_in("s"))
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

    output: str
    value: bool | float | str


class AlertSettings(Settings):
    """What people are told when an action is taken."""

    text: str
    priority: PriorityName = "important"


class ActionSettings(Settings):
    """What a decision may do: outputs to write, a trip to latch, people to tell."""

    name: Ident
    writes: list[WriteSettings] = Field(default_factory=list)
    trip: str | None = Field(None, description="latches this trip of the interlock")
    alert: AlertSettings | None = None


class ModelSettings(Settings):
    """A local model: a numpy head in an npz file, or the fake that ships for trials."""

    name: Ident
    backend: Literal["numpy_head", "fake"]
    file: str | None = None
    inputs: list[str] = Field(min_length=1)


class DecisionSettings(Settings):
    """A decision point: what triggers it, what it sees, and what it does when it cannot tell."""

    name: Ident
    type: DecisionType
    on: list[str] = Field(min_length=1, description="sensors whose readings trigger it")
    inputs: list[str] = Field(
        default_factory=list, description="features recorded besides those its rules name"
    )
    rules: bool = Field(True, description="use the rows whose `point` is this name")
    model: str | None = None
    alarm_above: Unit01 = Field(0.5, description="a model score over this takes model_action")
    model_action: str | None = None
    ask_cloud: bool = False
    deadline_ms: float = Field(200.0, ge=1, le=60_000, json_schema_extra=measured_in("ms"))
    safe_action: str
    priority: PriorityName = "normal"
    min_interval_ms: float = Field(
        0.0,
        ge=0,
        le=3_600_000,
        json_schema_extra=measured_in("ms"),
        description="at most one decision per this time; 0: one per trigger",
    )


class TripSettings(Settings):
    """A latched stop. E-stop trips follow guard inputs; process trips follow causes and actions."""

    name: Ident
    kind: Literal["estop", "process"]
    label: str = ""
    outputs: list[str] = Field(min_length=1, description="forced to their safe state while latched")
    guard_inputs: list[str] = Field(default_factory=list, description="e-stop inputs of the guard")
    cause: str | None = Field(None, description="rule expression; true trips and blocks the reset")
    reset_input: str | None = Field(
        None, description="sensor or guard input whose release resets the trip"
    )


class PermissiveSettings(Settings):
    """A condition that must hold before an output may leave its safe state."""

    output: str
    when: str = Field(description="rule expression")
    reason: str = Field(description="told to people while it does not hold")


class StoreSettings(Settings):
    """Where records live and how much room they may take."""

    folder: str = "/var/lib/banksman"
    quota_mb: float = Field(2048.0, ge=16, le=1_000_000, json_schema_extra=measured_in("MB"))
    free_floor_mb: float = Field(256.0, ge=0, le=1_000_000, json_schema_extra=measured_in("MB"))
    spool_ms: float = Field(10.0, ge=1, le=1000, json_schema_extra=measured_in("ms"))
    block_s: float = Field(1.0, ge=0.1, le=60, json_schema_extra=measured_in("s"))
    queue_batches: int = Field(20_000, ge=100, le=1_000_000)


class MqttSettings(Settings):
    """The broker for telemetry. Without ``host`` there is no telemetry."""

    host: str | None = None
    port: Port = 1883
    tls: bool = False
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    username: str | None = None
    password_file: str | None = Field(None, description="secrets stand in files, never here")
    prefix: str = "banksman"
    home_assistant: bool = True
    home_assistant_prefix: str = "homeassistant"
    readings: list[str] = Field(
        default_factory=list, description="devices whose readings are published, with backlog"
    )
    state_interval_s: float = Field(1.0, ge=0.1, le=3600, json_schema_extra=measured_in("s"))
    in_flight: int = Field(100, ge=1, le=1000)


class WebhookSettings(Settings):
    """Where alerts are posted as JSON."""

    url: str = Field(pattern=r"^https?://")
    token_file: str | None = None
    timeout_s: float = Field(5.0, gt=0, le=60, json_schema_extra=measured_in("s"))


class WebSettings(Settings):
    """The status page. Beyond loopback it is HTTPS with a login."""

    bind: str = "127.0.0.1"
    port: Port = 8080
    socket: str | None = Field(None, description="Unix socket for the command line on this box")
    tls_name: str = Field("", description="host name in the box's own certificate")


class CloudSettings(Settings):
    """The endpoint that may be asked for decisions."""

    url: str | None = Field(None, pattern=r"^https?://")
    token_file: str | None = None
    probe_s: float = Field(10.0, ge=1, le=3600, json_schema_extra=measured_in("s"))


class Config(Settings):
    """The whole appliance.toml."""

    node: NodeSettings
    deciding: DecidingSettings = DecidingSettings()
    rules: RulesSettings = RulesSettings()
    devices: list[DeviceSettings] = Field(default_factory=list, alias="device")
    guard: GuardSettings | None = None
    actions: list[ActionSettings] = Field(default_factory=list, alias="action")
    models: list[ModelSettings] = Field(default_factory=list, alias="model")
    decisions: list[DecisionSettings] = Field(default_factory=list, alias="decision")
    trips: list[TripSettings] = Field(default_factory=list, alias="trip")
    permissives: list[PermissiveSettings] = Field(default_factory=list, alias="permissive")
    store: StoreSettings = StoreSettings()
    mqtt: MqttSettings = MqttSettings()
    webhooks: list[WebhookSettings] = Field(default_factory=list, alias="webhook")
    web: WebSettings = WebSettings()
    cloud: CloudSettings = CloudSettings()
