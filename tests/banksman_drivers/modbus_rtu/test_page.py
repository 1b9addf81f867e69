"""The operator's page says what the driver does."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from banksman_drivers import modbus_bus, modbus_port, modbus_rtu
from banksman_drivers.modbus_rtu_frame import Wire
from banksman_drivers.settings.device import DeviceSettings

PAGE = (Path(__file__).parents[3] / "docs" / "operate" / "modbus-wiring.md").read_text()
TOML = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", TOML)
def test_its_devices_are_without_flaws(text):
    devices = [
        TypeAdapter(DeviceSettings).validate_python(table)
        for table in tomllib.loads(text)["device"]
    ]
    for index, device in enumerate(devices):
        assert [*device.flaws(), *device.flaws_beside(devices[:index])] == []


def test_its_messages_are_the_drivers():
    sources = "".join(
        Path(module.__file__).read_text() for module in (modbus_bus, modbus_port, modbus_rtu)
    )
    for words in (
        "is the adapter plugged in?",
        "is in use by another program",
        "requests repeated: ",
        "check its number, its power and the two wires",
        "bytes that are none; check baud, parity, termination",
        "it answers later than that: raise timeout_ms",
        "the adapter gives back what is sent to it; write echo = true",
        "cannot turn an RS-485 line round by itself; drop rs485",
    ):
        assert words in PAGE
        assert words in sources


@pytest.mark.parametrize(("baud", "turn_ms"), [(19_200, 23), (115_200, 7)])
def test_its_pace_of_a_bus_is_the_wires(baud, turn_ms):
    wire = Wire(baud, 11)
    assert round((wire.seconds(8 + 25) + 2 * wire.silence_s) * 1e3) == turn_ms
    assert f"{turn_ms} ms at {baud:,}".replace(",", " ") in PAGE
