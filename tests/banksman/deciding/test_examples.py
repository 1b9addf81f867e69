"""Examples written beside the rules say whether the rules do what was meant."""

from __future__ import annotations

import pytest

from banksman.deciding.examples import PointFacts, read_examples, run_examples
from banksman.errors import ConfigError

FACTS = {"press": PointFacts("stop", "stop")}


@pytest.fixture
def outcome(book_of, row_of, catalogue):
    def run(example, rows=None, facts=FACTS):
        rows = rows or row_of("hot", "press.temperature > '80 degC'", "warn")
        examples = read_examples(f"[[example]]\n{example}", "ex.toml", catalogue, facts)
        return run_examples(examples, book_of(rows), facts)[0]

    return run


@pytest.mark.parametrize(
    ("value", "action"),
    [
        ("81", "warn"),
        ('"81 degC"', "warn"),
        ('"177 degF"', "warn"),
        ('"175 degF"', "stop"),
        ('"missing"', "stop"),
        ('"stale"', "stop"),
    ],
)
def test_an_input_is_a_number_a_quantity_or_a_fault(outcome, value, action):
    example = f'point = "press"\nexpect = "{action}"\ninputs = {{ "press.temperature" = {value} }}'
    assert outcome(example).wrong == ""


def test_an_input_that_is_left_out_is_missing(outcome):
    found = outcome('point = "press"\nexpect = "stop"')
    assert found.wrong == ""
    assert "never read" in found.reason


def test_what_is_not_as_expected_is_said(outcome):
    example = 'point = "press"\nexpect = "slow"\ninputs = { "press.temperature" = 90 }'
    assert outcome(example).wrong == "expected slow, got warn"


def test_the_right_action_of_the_wrong_rule_is_wrong(outcome):
    example = 'point="press"\nexpect="warn"\nexpect_rule="x"\ninputs={ "press.temperature"=90 }'
    assert outcome(example).wrong == "expected rule x, got hot"


def test_a_doubtful_row_is_the_models_or_the_clouds_business(outcome, row_of):
    rows = row_of("hot", "n.n0 > 1", "warn", definitive=False)
    example = 'point="press"\nexpect="model"\ninputs={ "n.n0"=9 }'
    assert outcome(example, rows, {"press": PointFacts("stop", "model")}).wrong == ""
    assert outcome(example, rows).wrong == "expected model, got warn"


def test_every_problem_is_told_at_once(catalogue):
    text = """\
[[example]]
point = "oven"
expct = "stop"
inputs = { "press.temprature" = 3, "press.speed" = "3 degC", "n.n0" = "soon" }
"""
    with pytest.raises(ConfigError) as caught:
        read_examples(text, "ex.toml", catalogue, FACTS)
    found = "\n".join(map(str, caught.value.problems))
    for expected in (
        "ex.toml:2: example[1].point: unknown decision point oven (known: press)",
        "ex.toml:3: example[1].expct: unknown option expct",
        "ex.toml:1: example[1].expect: is missing or no text",
        "unknown name press.temprature (did you mean press.temperature?)",
        "press.speed is in mm/s, not degC",
        "'soon' is no value",
    ):
        assert expected in found


@pytest.mark.parametrize("text", ["", "example = 3", "[[exampel]]\n"])
def test_a_file_without_examples_is_told(catalogue, text):
    with pytest.raises(ConfigError, match="there is no example"):
        read_examples(text, "ex.toml", catalogue, FACTS)
