"""appliance.toml as a datasheet: every option with its bounds, unit, default and meaning.

Values only; reading and complaining is `banksman.config.load`. What crosses tables (a rule's
action that nobody declared, an output that no device has) is `banksman.config.cross`.

`Config` is the whole; its tables stand in files of their own, one subject each.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from banksman.config.schema_deciding import (
    ActionSettings,
    DecidingSettings,
    DecisionSettings,
    ModelSettings,
    PermissiveSettings,
    RulesSettings,
    TripSettings,
)
from banksman.config.schema_maintenance import MachineSettings
from banksman.config.schema_services import (
    CloudSettings,
    MqttSettings,
    StoreSettings,
    WebhookSettings,
    WebSettings,
)
from banksman.config.schema_sync import SyncSettings
from banksman.config.schema_vision import InspectionSettings
from banksman.deciding.decision import Mode
from banksman_drivers.settings.base import Settings
from banksman_drivers.settings.device import DeviceSettings
from banksman_drivers.settings.guard import GuardSettings
from banksman_drivers.settings.links import LinkSettings


class NodeSettings(Settings):
    """Who this box is and whether it may act."""

    id: str = Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.]{0,62}$", description="unique in the fleet")
    site: str = Field("", max_length=200, description="the works that it serves, for people")
    location: str = Field(
        "", max_length=200, description="where it stands there: hall, line, cabinet"
    )
    mode: Mode = Field("observe", description="observe: decides, writes nothing; armed: acts")


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
    sync: SyncSettings = SyncSettings()
    links: list[LinkSettings] = Field(default_factory=list, alias="link")
    inspections: list[InspectionSettings] = Field(default_factory=list, alias="inspection")
    machines: list[MachineSettings] = Field(default_factory=list, alias="machine")

    def identity_file(self) -> Path:
        """Where this box's key and certificate are."""
        return Path(self.cloud.identity_file or Path(self.store.folder) / "identity.pem")
