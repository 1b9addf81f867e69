"""The operator's page on GPIO: its pieces of config are right as they stand."""

import re
import tomllib
from pathlib import Path

import pytest

from banksman_drivers.settings.gpio import GpioSettings

PAGE = Path(__file__).parents[3] / "docs" / "operate" / "gpio.md"


def test_the_pages_device_and_belt_fit_together_and_have_no_flaw():
    device, belt = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (table,) = tomllib.loads(device + belt)["device"]
    settings = GpioSettings.model_validate(table)
    assert list(settings.flaws()) == []
    assert {offer.name for offer in settings.sensor_offers()} >= {"belt_position", "at_reject"}


@pytest.mark.parametrize("message", ["there is no such chip", "another program holds", "has gone"])
def test_messages_that_the_page_explains_are_those_that_are_said(message):
    source = Path(__file__).parents[3] / "drivers" / "banksman_drivers" / "gpio"
    assert message in PAGE.read_text()
    assert any(message in file.read_text() for file in source.glob("*.py"))
