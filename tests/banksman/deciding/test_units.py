"""Units convert as the standards say, and only into their like."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.deciding.units import (
    NO_UNIT,
    convert,
    doubt,
    parse_quantity,
    parse_unit,
    product,
)


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (100, "degC", "degF", 212.0),
        (-40, "degF", "degC", -40.0),
        (0, "degC", "K", 273.15),
        (0.025, "m/s", "mm/s", 25.0),
        (1, "bar", "kPa", 100.0),
        (14.5037737730209, "psi", "bar", 1.0),
        (3000, "rpm", "Hz", 50.0),
        (2, "t", "kg", 2000.0),
        (90, "min", "h", 1.5),
        (1, "kWh", "kJ", 3600.0),
        (250, "mA", "A", 0.25),
        (36, "m3/h", "l/s", 10.0),
        (5, "degC/min", "K/h", 300.0),
        (180, "deg", "rad", math.pi),
        (50, "%", "", 0.5),
        (1, "gn", "m/s2", 9.80665),
        (20, "°C", "degC", 20.0),
    ],
)
def test_it_converts(value, source, target, expected):
    assert parse_unit(source).converts_to(parse_unit(target))
    assert convert(value, parse_unit(source), parse_unit(target)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("left", "right"),
    [("degC", "mm/s"), ("g", "gn"), ("parts", "pieces"), ("m", "m2"), ("Hz", "s"), ("V", "A")],
)
def test_what_is_not_alike_does_not_convert(left, right):
    assert not parse_unit(left).converts_to(parse_unit(right))


FAMILIES = [
    ["m", "km", "mm", "um", "in"],
    ["degC", "degF", "K"],
    ["bar", "Pa", "psi", "kPa", "MPa", "mbar"],
    ["m/s", "mm/s", "km/h"],
    ["Hz", "rpm", "1/min"],
    ["W", "kW", "J/s", "V*A"],
]
PAIRS = st.sampled_from(FAMILIES).flatmap(
    lambda family: st.tuples(st.sampled_from(family), st.sampled_from(family))
)


@given(PAIRS, st.floats(-1e6, 1e6))
def test_there_and_back_is_the_same(pair, value):
    one, other = parse_unit(pair[0]), parse_unit(pair[1])
    back = convert(convert(value, one, other), other, one)
    assert back == pytest.approx(value, rel=1e-9, abs=1e-9)


@given(PAIRS, st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_order_survives_conversion(pair, low, high):
    one, other = parse_unit(pair[0]), parse_unit(pair[1])
    low, high = sorted((low, high))
    assert convert(low, one, other) <= convert(high, one, other)


def test_volts_times_amperes_are_watts():
    assert product(parse_unit("V"), parse_unit("A"), 1).converts_to(parse_unit("W"))


def test_like_over_like_has_no_unit():
    assert product(parse_unit("bar"), parse_unit("bar"), -1) == NO_UNIT


@pytest.mark.parametrize(
    ("text", "expected"),
    [("80 degC", 80.0), ("-3.5e2 kPa", -350.0), ("80%", 80.0), (".5 m", 0.5), (" 7 ", 7.0)],
)
def test_a_quantity_is_a_number_and_its_unit(text, expected):
    quantity = parse_quantity(text)
    assert quantity is not None
    assert quantity[0] == expected


@pytest.mark.parametrize("text", ["", "degC", "nan degC", "1e999 m", "--1 m"])
def test_what_does_not_start_with_a_finite_number_is_none(text):
    assert parse_quantity(text) is None


@pytest.mark.parametrize(("text", "meant"), [("degc", "degC"), ("kpa", "kPa"), ("barr", "bar")])
def test_a_slip_of_the_pen_is_doubted(text, meant):
    assert doubt(text) == meant


@pytest.mark.parametrize("text", ["parts", "mm/s2", "m3/h", "degC", "", "%"])
def test_what_is_known_or_nothing_like_it_is_not(text):
    assert doubt(text) is None
