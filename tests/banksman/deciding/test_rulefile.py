"""A rules file is read as a whole: every problem at once, by line and key."""

from __future__ import annotations

import pytest

from banksman.errors import ConfigError

WRONG = """\
[[rule]]
name = "hot"
point = "pres"
when = "press.temperature > 80"
then = "explode"
priorty = 3

[[rule]]
name = "hot"
point = "press"
when = "press.temperature > '80 degC' and dor.closed"
then = "stop"
confidence = 1.5
priority = "high"
reason = "it is {press.speed} {"

[[rule]]
name = "third"
point = "press"
then = "stop"

[[rules]]
"""


@pytest.fixture
def problems(book_of):
    def found(text):
        with pytest.raises(ConfigError) as caught:
            book_of(text)
        return [str(problem) for problem in caught.value.problems]

    return found


def test_every_problem_is_told_at_once_with_line_key_and_remedy(problems):
    found = problems(WRONG)
    for expected in (
        "rules.toml:3: rule.hot.point: unknown decision point pres (did you mean press?)",
        "rules.toml:4: rule.hot.when: press.temperature is in degC, the number 80 has no unit"
        " (write '80 degC')",
        "rules.toml:5: rule.hot.then: unknown action explode",
        "rules.toml:6: rule.hot.priorty: unknown option priorty (did you mean priority?)",
        "rules.toml:9: rule.hot.name: hot is used twice (the other stands in line 2)",
        "rules.toml:11: rule.hot.when: unknown name dor.closed (did you mean door.closed?)",
        "rules.toml:13: rule.hot.confidence: is 1.5 (confidence is 0 to 1)",
        "rules.toml:14: rule.hot.priority: is 'high' (priority is a whole number)",
        "rules.toml:17: rule.third: when is missing",
        "rules.toml:22: rules: unknown table rules",
    ):
        assert any(line.startswith(expected) for line in found), (expected, found)


def test_problems_come_in_the_order_of_the_file(book_of):
    with pytest.raises(ConfigError) as caught:
        book_of(WRONG)
    lines = [problem.line for problem in caught.value.problems]
    assert lines == sorted(lines)


def test_a_reason_may_only_name_what_its_condition_uses(problems, row_of):
    found = problems(row_of("hot", "n.n0 > 1", reason="at {n.n1}, {n.n0.__class__}"))
    assert "{n.n1} is not a name that this row's when uses (usable: {n.n0})" in found[0]
    assert "{n.n0.__class__} is not a name" in found[1]


def test_a_brace_without_its_partner_is_refused(problems, row_of):
    assert "brace without its partner" in problems(row_of("hot", "n.n0 > 1", reason="at { n"))[0]


@pytest.mark.parametrize("text", ["[[rule]\n", 'a = "', "x = [1,\n", "[[rule]]\nname = 3 4"])
def test_broken_toml_is_told_with_its_line(problems, text):
    found = problems(text)
    assert len(found) == 1
    assert "is not valid TOML" in found[0]
    assert found[0].startswith("rules.toml:")


def test_rule_that_is_no_table_is_told(problems):
    assert "must be a list of tables (write [[rule]])" in problems("rule = 3")[0]


def test_an_empty_file_is_an_empty_book(book_of):
    assert book_of("").rows == ()


def test_none_is_always_an_action(book_of, row_of):
    assert (
        book_of(row_of("fine", "True", "none")).for_point("press").evaluate([], None).action
        == "none"
    )


def test_the_version_changes_with_any_row_and_not_with_comments(book_of, row_of):
    base = row_of("a", "n.n0 > 1") + row_of("b", "n.n0 > 2")
    version = book_of(base).version
    assert len(version) == 12
    assert book_of("# a comment\n\n" + base).version == version
    assert book_of(row_of("b", "n.n0 > 2") + row_of("a", "n.n0 > 1")).version != version
    for option in ({"priority": 1}, {"confidence": 0.5}, {"definitive": False}, {"reason": "r"}):
        assert (
            book_of(row_of("a", "n.n0 > 1", **option) + row_of("b", "n.n0 > 2")).version != version
        )


def test_a_new_safe_action_of_the_point_is_a_new_version(book_of, row_of):
    text = row_of("a", "n.n0 > 1")
    assert book_of(text, {"press": "stop"}).version != book_of(text, {"press": "slow"}).version
