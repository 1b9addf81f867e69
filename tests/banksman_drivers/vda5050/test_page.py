"""The operator's page on forklifts: its config is right, its readings are all told."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from banksman_drivers.settings.vda5050 import Vda5050Settings
from banksman_drivers.vda5050_points import VEHICLE_OUTPUTS, VEHICLE_POINTS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "operate" / "forklifts.md").read_text()
CODE = "".join(file.read_text() for file in (ROOT / "drivers/banksman_drivers").glob("vda5050*.py"))


def test_the_pages_device_has_no_flaw():
    (block,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (table,) = tomllib.loads(block)["device"]
    assert list(Vda5050Settings.model_validate(table).flaws()) == []


def test_the_page_tells_every_reading_and_output():
    told = set(re.findall(r"`(?:agv1\.)?(\w+)`", PAGE))
    assert {each.name for each in (*VEHICLE_POINTS, *VEHICLE_OUTPUTS)} <= told


@pytest.mark.parametrize(
    "message",
    [
        "no state from",
        "the last message was refused",
        "has left the broker",
        "did not confirm",
        "it was never heard of",
    ],
)
def test_a_message_that_the_page_explains_is_one_of_the_drivers(message):
    assert message in PAGE
    assert message in CODE
