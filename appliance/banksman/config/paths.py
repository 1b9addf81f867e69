"""Relative paths start at the folder of the config file: here each becomes absolute, once.

`check` looks for files there and the daemon opens them there, wherever it was started: under
systemd its working directory is another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from banksman.config.schema import Config
from banksman.config.schema_services import (
    CloudSettings,
    MqttSettings,
    StoreSettings,
    WebhookSettings,
    WebSettings,
)
from banksman.config.schema_vision import InspectionSettings
from banksman_drivers.settings.base import DeviceBase, Settings

SettingsT = TypeVar("SettingsT", bound=Settings)

# The options that name files. Devices tell their own; those of rules and models are joined
# where they are read.
PATHS: Mapping[type[Settings], tuple[str, ...]] = {
    StoreSettings: ("folder",),
    MqttSettings: ("ca_file", "cert_file", "key_file", "password_file"),
    WebhookSettings: ("token_file",),
    WebSettings: ("socket",),
    CloudSettings: ("token_file", "identity_file"),
    InspectionSettings: ("bundle_file",),
}


def rooted(config: Config, folder: Path) -> Config:
    """The config with every path absolute; ``folder`` is the config file's own."""
    root = folder.absolute()
    return config.model_copy(
        update={
            "store": _rooted(config.store, root),
            "mqtt": _rooted(config.mqtt, root),
            "web": _rooted(config.web, root),
            "cloud": _rooted(config.cloud, root),
            "inspections": [_rooted(each, root) for each in config.inspections],
            "webhooks": [_rooted(each, root) for each in config.webhooks],
            "devices": [_rooted(each, root) for each in config.devices],
        }
    )


def _rooted(settings: SettingsT, root: Path) -> SettingsT:
    if isinstance(settings, DeviceBase):
        return settings.model_copy(update=settings.rooted(root))
    named = ((option, getattr(settings, option)) for option in PATHS.get(type(settings), ()))
    update = {option: str(root / path) for option, path in named if path is not None}
    return settings.model_copy(update=update)
