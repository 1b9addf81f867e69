"""``profile = "name"`` in a config: its points are the device's own, for rules and for checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from banksman.config.load import load_config
from banksman.config.profiles import Shelf, expand
from banksman.errors import ConfigError

DEVICE = """
[node]
id = "box"
[[device]]
driver = "modbus_tcp"
id = "meter"
host = "127.0.0.1"
"""
OWN = """
title = "Ours"
source = "our own drawing 7"
[[point]]
name = "level"
unit = "mm"
table = "input"
address = 9
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "appliance.toml"
    file.write_text(DEVICE + text)
    return file


def own_profile(folder: Path, name: str, text: str = OWN) -> None:
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles" / f"{name}.toml").write_text(text)


def refusal(file: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    return [f"{problem.line} {problem.message}" for problem in caught.value.problems]


def test_the_points_of_a_profile_are_sensors_that_rules_may_name(tmp_path):
    loaded = load_config(write(tmp_path, 'profile = "eastron_sdm630"'))
    assert loaded.inventory.sensors["meter.power"] == "W"
    assert "meter.power.mean" in loaded.inventory.catalogue.features
    assert len(loaded.config.devices[0].declared_points()) == 17


def test_only_the_chosen_points_are_there(tmp_path):
    text = 'profile = "eastron_sdm630"\nprofile_points = ["frequency", "power"]'
    loaded = load_config(write(tmp_path, text))
    assert list(loaded.inventory.sensors) == ["meter.frequency", "meter.power"]


def test_points_of_the_config_add_to_those_of_the_profile(tmp_path):
    text = 'profile = "eastron_sdm630"\nprofile_points = ["power"]\n'
    text += '[[device.point]]\nname = "extra"\ntable = "input"\naddress = 500\n'
    loaded = load_config(write(tmp_path, text))
    assert list(loaded.inventory.sensors) == ["meter.power", "meter.extra"]


def test_a_profile_beside_the_config_is_found_and_goes_before_a_shipped_one(tmp_path):
    own_profile(tmp_path, "eastron_sdm630")
    loaded = load_config(write(tmp_path, 'profile = "eastron_sdm630"'))
    assert list(loaded.inventory.sensors) == ["meter.level"]
    assert Shelf(tmp_path).is_own("eastron_sdm630")
    assert not Shelf().is_own("eastron_sdm630")


def test_an_unknown_profile_is_told_once_with_its_line_and_the_nearest(tmp_path):
    text = 'profile = "eastron_sdm63"\n[[decision]]\nname = "d"\ntype = "process_control"\n'
    text += 'on = ["meter.power"]\nsafe_action = "none"\n'
    rule = '[[rule]]\nname = "r"\npoint = "d"\nwhen = "meter.power > 5"\nthen = "none"\n'
    (tmp_path / "rules.toml").write_text(rule)
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text))
    (problem,) = caught.value.problems
    assert (problem.line, problem.key) == (8, "device.meter.profile")
    assert "did you mean eastron_sdm630?" in problem.hint


def test_every_wrong_choice_is_told(tmp_path):
    text = 'profile = "eastron_sdm630"\nprofile_points = ["powr", "power", "power"]'
    assert refusal(write(tmp_path, text)) == [
        "8 profile eastron_sdm630 has no point powr (did you mean power?)",
        "8 power is chosen twice",
    ]


def test_a_name_that_profile_and_config_both_have_is_refused(tmp_path):
    text = 'profile = "eastron_sdm630"\n'
    text += '[[device.point]]\nname = "power"\ntable = "input"\naddress = 500\n'
    (problem,) = refusal(write(tmp_path, text))
    assert problem == "8 profile eastron_sdm630 has a point power, as the device itself has"


def test_what_is_wrong_in_an_own_profile_is_told_with_its_name(tmp_path):
    own_profile(tmp_path, "ours", OWN.replace("address = 9", "address = -9"))
    (problem,) = refusal(write(tmp_path, 'profile = "ours"'))
    assert problem.startswith("8 profile ours: point level: address: ")


def test_an_own_profile_that_is_not_text_is_told(tmp_path):
    own_profile(tmp_path, "ours")
    (tmp_path / "profiles" / "ours.toml").write_bytes(b"\xff\xfe")
    assert refusal(write(tmp_path, 'profile = "ours"')) == ["8 profile ours is not UTF-8 text"]


def test_chosen_points_without_a_profile_are_told(tmp_path):
    assert refusal(write(tmp_path, 'profile_points = ["power"]')) == [
        "8 nothing reads it without profile"
    ]


@pytest.mark.parametrize("value", ["7", "[1]", '"power"', "[[]]"])
def test_a_choice_of_the_wrong_shape_is_refused_as_any_option(tmp_path, value):
    (problem,) = refusal(write(tmp_path, f'profile = "eastron_sdm630"\nprofile_points = {value}'))
    assert problem.startswith("9 ")


@pytest.mark.parametrize(
    "name", ["../appliance", "/etc/passwd", "profiles/x", "..", "a b", "x.toml", ""]
)
def test_a_name_that_leads_elsewhere_is_no_profile(tmp_path, name):
    own_profile(tmp_path, "x")
    (problem,) = refusal(write(tmp_path, f'profile = "{name}"'))
    assert "there is no profile" in problem


def test_the_file_s_own_tables_are_left_as_they_are(tmp_path):
    device = {"driver": "modbus_tcp", "id": "m", "profile": "eastron_sdm630", "point": []}
    data = {"device": [device]}
    expanded = expand(data, tmp_path)
    assert device["point"] == []
    assert len(expanded.data["device"][0]["point"]) == 17


def test_another_driver_may_mean_something_else_by_profile(tmp_path):
    data = {"device": [{"driver": "fake", "id": "f", "profile": "eastron_sdm630"}]}
    assert expand(data, tmp_path).data is data
