"""The register map: one table that wire, documents and demo share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.fake.plant.line import Line
from banksman_drivers.fake.plant.registers import BOUNDS, REGISTERS, as_markdown

REPOSITORY = Path(__file__).parents[3]


@given(st.sampled_from(REGISTERS), st.floats(-1e7, 1e7))
def test_a_value_survives_the_wire_to_half_a_step(register, value):
    back = register.decode(register.encode(value))
    if register.type == "float32":
        assert back == pytest.approx(value, rel=1e-6, abs=1e-30)
    else:
        low, high = (bound * register.scale for bound in BOUNDS[register.type])
        assert back == pytest.approx(min(max(value, low), high), abs=register.scale * 0.51)


def test_no_two_registers_share_an_address():
    taken = [
        (register.device, register.table, register.address + word)
        for register in REGISTERS
        for word in range(register.words)
    ]
    assert len(taken) == len(set(taken))


def test_the_model_has_a_value_for_each_register_and_no_other():
    assert set(Line().values()) == {register.id for register in REGISTERS}


def test_the_documented_map_is_the_map_in_code():
    assert as_markdown() in (REPOSITORY / "docs" / "demo.md").read_text(encoding="utf-8")
