"""An expression in words for people."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.deciding.features import Catalogue
from banksman.deciding.wording import worded

CATALOGUE = Catalogue.of_sensors(
    [("plc.oven", "degC"), ("plc.cut_out", "flag"), ("plc.door", "flag"), ("plc.bare", "mm")]
)
LABELS = {
    "plc.oven": "Oven temperature",
    "plc.cut_out": "Oven cut-out tripped",
    "plc.door": "Press guard door closed",
    "plc.bare": "",
}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "plc.oven > '220 degC' or plc.cut_out == 1",
            "Oven temperature over 220 degC or Oven cut-out tripped",
        ),
        ("plc.door == 0", "Press guard door closed: no"),
        ("plc.door != 1", "Press guard door closed: no"),
        ("plc.door != 0", "Press guard door closed"),
        ("not plc.oven >= 3", "not (Oven temperature at least 3)"),
        ("plc.oven.rate <= '2 K/s'", "rate of Oven temperature at most 2 K/s"),
        ("plc.bare < '3 mm'", "plc.bare under 3 mm"),
        ("abs(plc.bare - '25 mm') > '0.1 mm'", "abs(plc.bare - 25 mm) over 0.1 mm"),
        ("(plc.bare + 1) * 2 > -3", "(plc.bare + 1) * 2 over -3"),
        (
            "plc.door == 1 and (plc.cut_out == 1 or plc.oven == 5)",
            "Press guard door closed and (Oven cut-out tripped or Oven temperature is 5)",
        ),
        ("1 < plc.bare < 5", "1 under plc.bare under 5"),
        ("plc.bare in (1, 2)", "plc.bare is one of 1, 2"),
        ("plc.bare not in (1, 2)", "plc.bare is none of 1, 2"),
        ("True", "True"),
    ],
)
def test_an_expression_is_told_with_labels_for_names_and_words_for_signs(text, words):
    assert worded(text, CATALOGUE, LABELS) == words


def test_what_cannot_be_read_is_shown_as_it_was_written():
    assert worded("plc.oven >", CATALOGUE, LABELS) == "plc.oven >"


@given(st.text(max_size=80))
@settings(deadline=None)
def test_no_text_breaks_it(text):
    assert isinstance(worded(text, CATALOGUE, LABELS), str)


GRAMMAR = st.recursive(
    st.sampled_from(["plc.oven", "plc.door", "3", "'2 mm'", "True", "f(x)", "(1, 2)", "x.y.z"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" > ", " in ", " and ", " * ", " == "]), inner).map(
            lambda parts: f"({''.join(parts)})"
        ),
        inner.map(lambda part: f"not {part}"),
        inner.map(lambda part: f"-{part}"),
        inner.map(lambda part: f"abs({part})"),
    ),
    max_leaves=10,
)


@given(GRAMMAR)
@settings(deadline=None)
def test_no_expression_breaks_it_however_little_sense_it_makes(text):
    assert worded(text, CATALOGUE, LABELS)
