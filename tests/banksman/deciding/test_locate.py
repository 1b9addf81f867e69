"""The line of a key is where a person would look for it."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.deciding.locate import Lines, key_text

TEXT = '''\
# a comment with = and [brackets]
title = "a # b = [c]"   # line 2
[node]
id = 'x'
"quoted key" = """
multi = 3
[not.a.table]
"""
after = 1

[[device]]
id = "plc"
points = [
  { name = "a", unit = "mm" },   # line 14
  { name = "b", nested = { deep = [1,
      2] } },
]
dotted.key.path = 1.5
[[device.output]]
name = "o1"
[[device.output]]
name = "o2"

[[device]]
id = "second"
  [device.watchdog]
  address = 3
date = 1979-05-27T07:32:00Z
last = [ ]
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("node",), 3),
        (("node", "id"), 4),
        (("node", "quoted key"), 5),
        (("node", "after"), 9),
        (("device", 0), 11),
        (("device", 0, "id"), 12),
        (("device", 0, "points"), 13),
        (("device", 0, "points", 0, "unit"), 14),
        (("device", 0, "points", 1, "nested", "deep"), 15),
        (("device", 0, "points", 1, "nested", "deep", 1), 16),
        (("device", 0, "dotted", "key", "path"), 18),
        (("device", 0, "output", 1, "name"), 22),
        (("device", 1), 24),
        (("device", 1, "watchdog", "address"), 27),
        (("device", 1, "watchdog", "last"), 29),
    ],
)
def test_it_finds_the_line(path, line):
    assert Lines(TEXT).line(path) == line


def test_a_key_that_is_not_there_is_sought_at_its_table():
    assert Lines(TEXT).line(("device", 1, "host", "name")) == 24


def test_what_stands_nowhere_has_no_line():
    assert Lines(TEXT).line(("cloud", "url")) is None


def test_the_scanner_and_tomllib_see_the_same_keys():
    def walk(value, path=()):
        if isinstance(value, dict):
            for key, item in value.items():
                yield (*path, key)
                yield from walk(item, (*path, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from walk(item, (*path, index))

    lines = Lines(TEXT)
    rows = TEXT.splitlines()
    for path in walk(tomllib.loads(TEXT)):
        found = lines.line(path)
        assert found is not None, path
        assert str(path[-1]) in rows[found - 1], path


KEY = st.text("abcdefg_-", min_size=1, max_size=5)
SCALAR = st.one_of(
    st.integers(-99, 99).map(str),
    st.text("ab[]{}#=,'. ", max_size=8).map(lambda text: f'"{text}"'),
    st.text('ab[]{}#=,". ', max_size=8).map(lambda text: f"'{text}'"),
    st.text("ab[]#=,\n ", max_size=12).map(lambda text: f'"""{text}"""'),
)
VALUE = st.recursive(
    SCALAR,
    lambda below: st.lists(below, max_size=3).map(lambda items: "[ " + ",\n ".join(items) + " ]"),
    max_leaves=5,
)


@given(st.lists(st.tuples(KEY, VALUE), min_size=1, max_size=6, unique_by=lambda pair: pair[0]))
def test_whatever_the_values_hold_each_key_keeps_its_line(pairs):
    text, wanted = "", {}
    for key, value in pairs:
        wanted[key] = text.count("\n") + 1
        text += f"{key} = {value} # comment\n"
    tomllib.loads(text)
    lines = Lines(text)
    assert {key: lines.line((key,)) for key in wanted} == wanted


@given(st.text(max_size=60))
def test_text_that_is_no_toml_does_no_harm(text):
    assert Lines(text).line(("a",)) is None or "a" in text


def test_items_are_called_by_their_id_or_name():
    data = {"device": [{"id": "plc", "point": [{"name": "oven"}, {}]}]}
    assert key_text(("device", 0, "point", 0, "scale"), data) == "device.plc.point.oven.scale"
    assert key_text(("device", 0, "point", 1), data) == "device.plc.point[2]"
    assert key_text(("device", 9, "x"), data) == "device[10].x"
