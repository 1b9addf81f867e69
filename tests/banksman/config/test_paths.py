"""Relative paths start at the config file's folder, wherever the daemon was started."""

from pathlib import Path

from pydantic import BaseModel

from banksman.config.load import load_config
from banksman.config.paths import PATHS
from banksman_drivers.settings.base import DeviceBase

TEXT = """\
[node]
id = "n1"

[[device]]
driver = "replay"
id = "recording"
file = "recording.csv"
point = [{ name = "level" }]

[[device]]
driver = "vda5050"
id = "agv1"
manufacturer = "m"
serial_number = "1"
order_file = "/elsewhere/order.json"

[store]
folder = "store"

[mqtt]
host = "h"
tls = true
username = "u"
password_file = "secrets/mqtt"

[web]
socket = "page.sock"
"""


def test_relative_paths_become_absolute_and_absolute_ones_stay(tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "appliance.toml").write_text(TEXT)
    monkeypatch.chdir(tmp_path)

    config = load_config(Path("site/appliance.toml")).config

    monkeypatch.chdir("/")
    root = tmp_path / "site"
    assert config.store.folder == str(root / "store")
    assert config.mqtt.password_file == str(root / "secrets" / "mqtt")
    assert config.mqtt.ca_file is None
    assert config.web.socket == str(root / "page.sock")
    recording, vehicle = config.devices
    assert recording.file == str(root / "recording.csv")
    assert vehicle.order_file == "/elsewhere/order.json"


def test_no_option_that_names_a_file_is_forgotten():
    """Options end in _file, or are called file, folder or socket."""
    found = set()
    for settings in all_settings(BaseModel):
        for option in settings.model_fields:
            if option.endswith("_file") or option in ("file", "folder", "socket"):
                found.add((settings.__name__, option))
    told = {
        (settings.__name__, option) for settings, options in PATHS.items() for option in options
    }
    told |= {
        (settings.__name__, option)
        for settings in all_settings(DeviceBase)
        for option in settings.FILES
    }
    assert found - {("RulesSettings", "file"), ("ModelSettings", "file")} == told


def all_settings(kind):
    for each in kind.__subclasses__():
        if each.__module__.startswith(("banksman.", "banksman_drivers.")):
            yield each
        yield from all_settings(each)
