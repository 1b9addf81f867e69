"""Every register of every shipped profile, against an independent map of the same device.

The maps (aside, never shipped) list what a third party read out of each maker's manual. They
give no word order, they say function 3 for every register, and the makers count in three ways:
OFFSETS says for each device what to add to the map's number to get the address on the wire.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from banksman.config.profiles import Shelf
from banksman_drivers.settings.modbus import ModbusPoint

MAPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "modbus-maps" / "modbus-tables"

# profile: (the map's folder, what to add to the map's number)
OFFSETS = {
    "carlo_gavazzi_em24": ("carlo/gavazzi-em24", 0),
    "eastron_sdm630": ("eastron/sdm630", 0),
    "fronius_sunspec": ("fronius/inverter-110-111", -1),  # registers counted from 1
    "huawei_sun2000": ("huawei/solar-inverter", 30001),  # the map took 3xxxx for a table
    "inepro_pro380": ("inepro/metering-pro380", 0),
    "janitza_umg604": ("janitza/umg604", 0),
    "kohler_decision_maker_550": ("kohler/decision-maker-550", 0),
    "schneider_iem3000": ("schneider/electric-iem3000", -1),  # registers counted from 1
    "siemens_pac2200": ("siemens/sentron-pac-2200", 0),
    "wattnode_modbus": ("continental/control-systems-wattnode", -1),  # registers counted from 1
}
TYPES = {"float": "float32", "double": "float64"}
UNITS = {
    "volt": "V", "volts": "V", "volts ac": "V", "volts dc": "V", "amps": "A", "amps ac": "A",
    "watts": "W", "voltam ps": "V*A", "va": "V*A", "kva": "kV*A", "var": "var", "kvar": "kvar",
    "kwh": "kWh", "kwh/m wh": "kWh", "kwh/ mwh": "kWh", "wh": "Wh", "hz": "Hz", "dc": "degC",
    "%": "%", "% rated kw": "%", "v": "V", "a": "A", "w": "W", "kw": "kW", "rpm": "rpm", "pf": "1",
}  # fmt: skip
LETTERS = {"a": "1", "b": "2", "c": "3"}
# What the map's words must speak of, by the first word of the point's name.
WORDS = {
    "apparent": r"apparent|ssum|va\b|volt-amps", "battery": r"battery", "current": r"current|^a-",
    "dc": r"dc-power|input-power", "efficiency": r"efficiency", "energy": r"energy|wh",
    "frequency": r"freq|hz", "load": r"percent-of-rated", "neutral": r"neutral|vector-sum",
    "power": r"power|^w|psum|kw|\bpf|cos", "pv1": r"pvl", "pv2": r"pv2",
    "reactive": r"reactive|var|q", "rotation": r"rotation", "speed": r"speed",
    "temperature": r"temperature", "voltage": r"volt|^v-|vl",
}  # fmt: skip
# The maps lost every register 0; what stands there is like its neighbour two or one further on.
AT_ZERO = {
    ("carlo_gavazzi_em24", "voltage_l1"): "voltage_l2",
    ("eastron_sdm630", "voltage_l1"): "voltage_l2",
    ("kohler_decision_maker_550", "voltage_l1_l2"): "voltage_l2_l3",
}
# Where the map contradicts the unit that its own maker uses for the same register.
UNIT_SLIPS = {
    ("carlo_gavazzi_em24", "energy_import"),  # kW for kWh
    ("carlo_gavazzi_em24", "energy_export"),
}

POINTS = [
    pytest.param(profile, point, id=f"{profile}.{point.name}")
    for profile in Shelf().names
    for point in Shelf().read(profile).points()
]


@pytest.fixture(scope="module")
def maps() -> dict[str, dict[int, dict[str, object]]]:
    if not MAPS.is_dir():
        pytest.skip("the register maps are not beside the repository (../shared/data/modbus-maps)")
    found = {}
    for profile, (folder, offset) in OFFSETS.items():
        rows = json.loads((MAPS / folder / "latest" / "registers.json").read_text())
        found[profile] = {int(number) + offset: row for number, row in rows.items()}
    return found


def test_every_shipped_profile_has_a_map():
    assert set(Shelf().names) == set(OFFSETS)


@pytest.mark.parametrize(("profile", "point"), POINTS)
def test_a_point_is_the_register_that_the_map_has(maps, profile: str, point: ModbusPoint):
    rows = maps[profile]
    if (profile, point.name) in AT_ZERO:
        assert 0 not in rows
        assert point.address == 0
        twin = Shelf().read(profile).tables[AT_ZERO[profile, point.name]]
        assert {**twin, "name": 0, "label": 0, "address": 0} == {
            **Shelf().read(profile).tables[point.name], "name": 0, "label": 0,
        }  # fmt: skip
        return
    row = rows[point.address]
    assert TYPES.get(str(row["data_type"]), row["data_type"]) == point.type
    words = str(row["name"]).lower()
    assert re.search(WORDS[point.name.split("_")[0]], words), words


@pytest.mark.parametrize(("profile", "point"), POINTS)
def test_a_points_unit_and_scale_are_those_of_the_map(maps, profile: str, point: ModbusPoint):
    row = maps[profile].get(point.address, {})
    unit, _, factor = str(row.get("unit") or "").lower().strip().partition(" x ")
    if factor:
        assert point.scale == pytest.approx(1 / float(factor))
    if unit in ("", "none") or (profile, point.name) in UNIT_SLIPS:
        return
    assert UNITS[unit] == point.unit


@pytest.mark.parametrize(("profile", "point"), POINTS)
def test_a_phase_in_the_name_is_the_phase_of_the_map(maps, profile: str, point: ModbusPoint):
    row = maps[profile].get(point.address)
    phases = re.findall(r"_l(\d)", point.name)
    if row is None or not phases:
        return
    words = str(row["name"])
    said = re.findall(r"L(\d)", words) or re.findall(r"phase-(\w)|\bI(\d)|\b([ABC])\b", words, re.I)
    numbers = [LETTERS.get(part.lower(), part) for hit in said for part in hit if part]
    if len(numbers) >= len(phases):  # some rows were read by a machine: "Voltage-vlz"
        assert numbers[: len(phases)] == phases
