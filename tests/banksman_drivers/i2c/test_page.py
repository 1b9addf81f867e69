"""The operator's page on I2C: its config is right as it stands, its messages are those said."""

import re
import tomllib
from pathlib import Path

import pytest

from banksman_drivers.settings.i2c import I2cSettings
from banksman_drivers.settings.i2c_chips import CHIPS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "operate" / "i2c.md").read_text()


def test_the_pages_devices_have_no_flaw():
    (block,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    devices = [I2cSettings.model_validate(table) for table in tomllib.loads(block)["device"]]
    assert {device.chip for device in devices} == {"adxl345", "bme280", "mcp23017"}
    for device in devices:
        assert list(device.flaws()) == []


@pytest.mark.parametrize("chip", CHIPS)
def test_every_chip_has_its_channels_and_its_first_address_on_the_page(chip):
    facts = CHIPS[chip]
    assert f"0x{facts.addresses[0]:02x}" in PAGE
    listed = next(line for line in PAGE.splitlines() if line.startswith("| ") and chip in line)
    assert f"`{next(iter(facts.channels))}`" in listed


@pytest.mark.parametrize(
    "message",
    [
        "nobody answers at",
        "the chip was reset; check its supply",
        "has sampled nothing for",
        "samples lost",
        "is no healthy chip's rate",
        "a line is held low",
        "none of its chips answers",
    ],
)
def test_messages_that_the_page_explains_are_those_that_are_said(message):
    source = ROOT / "drivers" / "banksman_drivers" / "i2c"
    said = " ".join(re.sub(r'"\s*\n\s*f?"', "", file.read_text()) for file in source.glob("*.py"))
    assert message in PAGE
    assert message in said
