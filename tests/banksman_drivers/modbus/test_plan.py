"""Points into requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.modbus_plan import WORDS, plan
from banksman_drivers.ports import Unsupported
from banksman_drivers.settings.modbus import ModbusPoint


def point(address, table="holding", kind="uint16", name=None):
    return ModbusPoint(name=name or f"p{address}", table=table, address=address, type=kind)


def shape(blocks):
    return [(block.table, block.address, block.count) for block in blocks]


def test_ten_adjacent_registers_are_one_request_in_whatever_order_they_are_declared():
    assert shape(plan("plc", [point(n) for n in (3, 1, 0, 2, 9, 8, 7, 5, 6, 4)])) == [
        ("holding", 0, 10)
    ]


def test_an_undeclared_gap_is_never_read():
    assert shape(plan("plc", [point(0), point(2)])) == [("holding", 0, 1), ("holding", 2, 1)]


def test_tables_are_never_mixed():
    blocks = plan("plc", [point(0), point(1, "input"), point(0, "coil", "bit")])
    assert shape(blocks) == [("coil", 0, 1), ("holding", 0, 1), ("input", 1, 1)]


def test_a_wide_value_takes_its_registers_with_it():
    assert shape(plan("plc", [point(0, kind="float64"), point(4)])) == [("holding", 0, 5)]


def test_overlapping_points_share_a_request():
    assert shape(plan("plc", [point(0, kind="uint32"), point(1)])) == [("holding", 0, 2)]


def test_a_request_stops_at_125_registers_and_splits_no_value():
    blocks = plan("plc", [point(n) for n in range(124)] + [point(124, kind="uint32")])
    assert shape(blocks) == [("holding", 0, 124), ("holding", 124, 2)]


def test_a_request_stops_at_2000_bits():
    blocks = plan("plc", [point(n, "coil", "bit") for n in range(2001)])
    assert shape(blocks) == [("coil", 0, 2000), ("coil", 2000, 1)]


def test_a_float_in_a_coil_is_refused_by_name():
    with pytest.raises(Unsupported, match=r"plc\.p0: a coil holds one bit, not a float32"):
        plan("plc", [point(0, "coil", "float32")])


def test_a_value_past_the_last_register_is_refused_by_name():
    with pytest.raises(Unsupported, match=r"plc\.p65535: .*highest address for it is 65534"):
        plan("plc", [point(65535, kind="uint32")])


@given(
    st.lists(
        st.tuples(
            st.integers(0, 400),
            st.sampled_from(["holding", "input", "coil", "discrete"]),
            st.sampled_from(sorted(WORDS)),
        ),
        max_size=60,
    )
)
def test_every_point_is_read_once_and_nothing_undeclared_is_read(wanted):
    points = [
        point(address, table, "bit" if table in ("coil", "discrete") else kind, f"p{number}")
        for number, (address, table, kind) in enumerate(wanted)
    ]
    blocks = plan("plc", points)
    assert sorted(p.name for b in blocks for p in b.points) == sorted(p.name for p in points)
    declared = {
        (p.table, p.address + word)
        for p in points
        for word in range(1 if p.table in ("coil", "discrete") else WORDS[p.type])
    }
    read = {(b.table, b.address + n) for b in blocks for n in range(b.count)}
    assert read == declared
    assert all(b.count <= (2000 if b.table in ("coil", "discrete") else 125) for b in blocks)
