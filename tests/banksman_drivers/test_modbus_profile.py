"""Profiles: a text gives points or every problem, and the shipped ones are in order."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.config.profiles import Shelf
from banksman.deciding.units import doubt
from banksman_drivers.modbus_plan import plan
from banksman_drivers.modbus_profile import ProfileError, choose, read_profile, unknown_profile

GOOD = """
title = "Acme T1: transmitter"
source = "Acme T1 manual, page 7"
[defaults]
table = "input"
type = "int16"
[[point]]
name = "temperature"
unit = "degC"
address = 4
scale = 0.1
[[point]]
name = "humidity"
unit = "%"
address = 5
type = "uint16"
"""


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(ProfileError) as caught:
        read_profile("acme", text)
    return caught.value.problems


def test_points_take_what_they_share_from_the_defaults_and_what_they_say_themselves():
    temperature, humidity = read_profile("acme", GOOD).points()
    assert (temperature.table, temperature.type, temperature.scale) == ("input", "int16", 0.1)
    assert (humidity.table, humidity.type, humidity.address) == ("input", "uint16", 5)


def test_chosen_points_come_in_the_order_of_the_choice():
    chosen = choose(read_profile("acme", GOOD), ["humidity", "temperature"])
    assert [table["name"] for table in chosen] == ["humidity", "temperature"]


def test_no_choice_is_every_point_and_an_empty_choice_is_none():
    profile = read_profile("acme", GOOD)
    assert len(choose(profile, None)) == 2
    assert choose(profile, []) == []


def test_a_point_that_is_not_there_is_told_with_the_nearest_and_the_profile():
    with pytest.raises(ProfileError) as caught:
        choose(read_profile("acme", GOOD), ["humidty", "pressure", "temperature", "temperature"])
    assert caught.value.problems == (
        "profile acme has no point humidty (did you mean humidity?)",
        "profile acme has no point pressure (known: humidity, temperature)",
        "temperature is chosen twice",
    )


def test_a_profile_that_is_nowhere_is_told_with_the_nearest():
    error = unknown_profile("sdm640", ["sdm630", "em24"])
    assert error.problems == ("there is no profile sdm640",)
    assert "did you mean sdm630?" in error.remedy


def test_every_problem_of_a_profile_is_told_at_once():
    text = GOOD.replace("address = 4", "address = 70000").replace('"uint16"', '"uint17"')
    assert [problem.partition(": ")[2].partition(":")[0] for problem in problems_of(text)] == [
        "point temperature",
        "point humidity",
    ]


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('title = "Acme T1: transmitter"\n', "", "title is missing"),
        ('source = "Acme T1 manual, page 7"', 'source = ""', "source is missing"),
        ('type = "int16"\n', 'type = "int16"\nname = "x"\n', "names are each point's own"),
        ("title =", 'colour = "red"\ntitle =', "nothing reads colour"),
        ('name = "humidity"', 'name = "temperature"', "is there twice"),
        ("scale = 0.1", "scale = 0.0", "scale is 0"),
        ("scale = 0.1", "scale = 0.1\nlow = 9.0\nhigh = 1.0", "not under high"),
        ("scale = 0.1", "sacle = 0.1", "sacle"),
        ("[[point]]", "[[points]]", "[[point]] tables are missing"),
        ("[defaults]", "[defaults", "is no TOML"),
        ('table = "input"', 'table = "coil"', "a coil holds one bit"),
    ],
)
def test_a_slip_is_told_in_words(old: str, new: str, part: str):
    assert any(part in problem for problem in problems_of(GOOD.replace(old, new)))


def test_a_profile_that_would_fill_the_memory_is_refused():
    many = "".join(f'[[point]]\nname = "p{n}"\naddress = {n}\n' for n in range(1001))
    assert "1001 points" in problems_of(f'title = "t"\nsource = "s"\n{many}')[0]
    assert "longer than" in problems_of(" " * 200_001)[0]


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_profile_or_a_profile_error(text: str):
    with pytest.raises(ProfileError):
        read_profile("any", text)


@settings(deadline=None)
@given(
    st.recursive(
        st.one_of(st.integers(), st.text(max_size=5), st.booleans()),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=6,
    )
)
def test_any_value_of_any_key_of_a_point_is_taken_or_told(value: object):
    shown = repr(value).replace("True", "true").replace("False", "false")
    for key in ("address", "table", "type", "scale", "low", "unit", "label", "bits"):
        with contextlib.suppress(ProfileError):
            assert read_profile("any", f"{GOOD}{key} = {shown}\n").points()


@pytest.mark.parametrize("name", Shelf().names)
def test_a_shipped_profile_is_whole_and_its_units_are_known(name: str):
    profile = Shelf().read(name)
    assert profile.title
    assert len(profile.source) > 20
    for point in profile.points():
        assert point.label
        assert doubt(point.unit) is None, point.unit
        assert point.low is None or point.high is None or point.low < point.high


@pytest.mark.parametrize("name", Shelf().names)
def test_a_shipped_profile_can_be_read_in_few_requests(name: str):
    blocks = plan(name, Shelf().read(name).points())
    assert len(blocks) <= 10
    if name == "carlo_gavazzi_em24":
        assert max(block.count for block in blocks) <= 11
