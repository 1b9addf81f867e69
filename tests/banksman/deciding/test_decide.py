"""Deciding: rules first, then the model, then what is safe; never an exception."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.deciding.cache import ScoreCache
from banksman.deciding.decide import (
    Ask,
    DecisionPoint,
    combine,
    decide,
    judge_answer,
    safe_default,
)
from banksman.deciding.decision import Verdict
from banksman.deciding.rules import RuleHit
from banksman.wire.messages import AnswerMessage
from banksman_inference.fake import FakeModel
from banksman_inference.ports import InferenceError, Score

UNIT = st.floats(0, 1)
OPEN = st.floats(0.001, 0.999)


@pytest.fixture
def model():
    return FakeModel("bearing", ("n.n0",), lambda _: Score(0.8, 0.9, "worn"))


@pytest.fixture
def rules_of(book_of):
    return lambda text: book_of(text).for_point("press")


def test_a_definitive_rule_decides_and_the_model_is_not_asked(
    rules_of, row_of, point_of, event_of, model
):
    point = point_of(
        rules_of(row_of("hot", "n.n0 > 1", "warn", confidence=0.95)), model, model_action="stop"
    )
    verdict = decide(point, event_of(point, [2.0]), None)
    assert (verdict.action, verdict.source, verdict.rule) == ("warn", "rule", "hot")
    assert verdict.confidence == 0.95
    assert model.asked == 0


def test_without_a_rule_that_holds_the_model_decides(rules_of, row_of, point_of, event_of, model):
    point = point_of(rules_of(row_of("hot", "n.n0 > 1")), model, model_action="slow")
    verdict = decide(point, event_of(point, [0.0]), None)
    assert (verdict.action, verdict.source, verdict.confidence) == ("slow", "model", 0.9)
    assert verdict.model_version == "fake-1"
    assert "scores 0.80, over 0.5 (worn)" in verdict.reason


def test_a_score_within_its_limit_says_none(point_of, event_of, model):
    point = point_of(None, model, model_action="slow", alarm_above=0.85)
    verdict = decide(point, event_of(point, [0.0]), None)
    assert verdict.action == "none"


def test_a_doubtful_rule_and_the_model_are_combined(rules_of, row_of, point_of, event_of, model):
    rules = rules_of(row_of("maybe", "n.n0 > 1", "slow", definitive=False, confidence=0.5))
    point = point_of(rules, model, model_action="slow")
    verdict = decide(point, event_of(point, [2.0]), None)
    assert verdict.source == "combined"
    assert verdict.confidence == pytest.approx(0.95)
    assert verdict.rule == "maybe"
    assert verdict.model_version == "fake-1"


def test_without_a_model_a_doubtful_rule_decides(rules_of, row_of, point_of, event_of):
    point = point_of(
        rules_of(row_of("maybe", "n.n0 > 1", "slow", definitive=False, confidence=0.5))
    )
    verdict = decide(point, event_of(point, [2.0]), None)
    assert (verdict.action, verdict.source, verdict.confidence) == ("slow", "rule", 0.5)


def test_without_a_model_the_cloud_is_asked_if_it_may_be(rules_of, row_of, point_of, event_of):
    point = point_of(rules_of(row_of("hot", "n.n0 > 1")), ask_cloud=True)
    assert isinstance(decide(point, event_of(point, [0.0]), None), Ask)
    assert decide(point, event_of(point, [2.0]), None).source == "rule"


def test_with_nothing_to_ask_it_takes_the_safe_default(rules_of, row_of, point_of, event_of):
    point = point_of(rules_of(row_of("hot", "n.n0 > 1")))
    verdict = decide(point, event_of(point, [0.0]), None)
    assert (verdict.action, verdict.source, verdict.confidence) == ("stop", "safe_default", 0.0)
    assert "no rule matched and there is no model" in verdict.reason


def test_a_faulty_rule_input_takes_the_rows_safe_action(
    rules_of, row_of, point_of, event_of, model
):
    rules = rules_of(row_of("hot", "n.n0 > 1", safe_action="slow"))
    point = point_of(rules, model, model_action="warn")
    verdict = decide(point, event_of(point, [math.nan], ["stale for 3.0 s"]), None)
    assert (verdict.action, verdict.source, verdict.rule) == ("slow", "safe_default", "hot")
    assert "n.n0: stale for 3.0 s" in verdict.reason


@pytest.mark.parametrize(
    ("values", "faults", "why"),
    [([math.nan], None, "n.n0: not a number"), ([1.0], ["bad quality"], "n.n0: bad quality")],
)
def test_a_faulty_model_input_takes_the_safe_default(
    point_of, event_of, model, values, faults, why
):
    point = point_of(None, model, model_action="warn")
    verdict = decide(point, event_of(point, values, faults), None)
    assert (verdict.action, verdict.source) == ("stop", "safe_default")
    assert f"model bearing cannot be asked: {why}" in verdict.reason
    assert model.asked == 0


@pytest.mark.parametrize(
    "error", [InferenceError("accelerator gone"), RuntimeError("x"), KeyError()]
)
def test_a_model_that_raises_takes_the_safe_default_and_is_named(point_of, event_of, model, error):
    model.fail = error
    point = point_of(None, model, model_action="warn")
    verdict = decide(point, event_of(point, [1.0]), ScoreCache())
    assert (verdict.action, verdict.source) == ("stop", "safe_default")
    assert type(error).__name__ in verdict.reason


@pytest.mark.parametrize(
    "score",
    [
        Score(math.nan, 0.9),
        Score(0.5, math.nan),
        Score(1.2, 0.9),
        Score(0.5, -0.1),
        Score(math.inf, 1),
    ],
)
def test_a_score_out_of_range_takes_the_safe_default_and_is_not_remembered(
    point_of, event_of, model, score
):
    cache = ScoreCache()
    model.give = lambda _: score
    point = point_of(None, model, model_action="warn")
    verdict = decide(point, event_of(point, [1.0]), cache)
    assert (verdict.action, verdict.source) == ("stop", "safe_default")
    assert "model bearing gave" in verdict.reason
    assert cache.counts().entries == 0


def test_an_event_of_the_wrong_length_takes_the_safe_default(rules_of, row_of, point_of, event_of):
    point = point_of(rules_of(row_of("hot", "n.n0 > 1 and n.n1 > 1")))
    assert decide(point, event_of(point, [1.0]), None).source == "safe_default"


def test_a_value_that_is_no_number_at_all_takes_the_safe_default(
    rules_of, row_of, point_of, event_of
):
    point = point_of(rules_of(row_of("hot", "n.n0 > 1")))
    verdict = decide(point, event_of(point, [None]), None)
    assert verdict.source == "safe_default"
    assert "TypeError" in verdict.reason


def test_equal_features_ask_the_model_once_until_the_score_expires(point_of, event_of, model):
    cache = ScoreCache(ttl_s=1.0)
    point = point_of(None, model, model_action="warn")
    first = decide(point, event_of(point, [1.0], mono_ns=0), cache)
    assert decide(point, event_of(point, [1.0], mono_ns=999_999_999), cache) == first
    assert model.asked == 1
    decide(point, event_of(point, [1.0], mono_ns=1_000_000_000), cache)
    assert model.asked == 2


def test_a_new_model_version_is_asked_at_once(point_of, event_of, model):
    cache = ScoreCache()
    point = point_of(None, model, model_action="warn")
    decide(point, event_of(point, [1.0]), cache)
    model.version = "fake-2"
    assert decide(point, event_of(point, [1.0]), cache).model_version == "fake-2"
    assert model.asked == 2


def test_a_rule_is_never_answered_from_the_cache(rules_of, row_of, point_of, event_of, model):
    cache = ScoreCache()
    point = point_of(rules_of(row_of("hot", "n.n0 > 1.0004", "warn")), model, model_action="slow")
    assert decide(point, event_of(point, [1.0]), cache).source == "model"
    assert decide(point, event_of(point, [1.0005]), cache).source == "rule"


def test_model_and_rules_each_see_their_own_inputs(rules_of, row_of, point_of, event_of):
    seen = []
    model = FakeModel("m", ("n.n2", "n.n0"), lambda f: seen.append(f) or Score(0.1, 0.9))
    point = point_of(
        rules_of(row_of("r", "n.n0 + n.n1 > 9")), model, extra=("n.n3",), model_action="warn"
    )
    assert point.inputs == ("n.n0", "n.n1", "n.n2", "n.n3")
    decide(point, event_of(point, [1.0, 2.0, 3.0, 4.0]), None)
    assert seen == [[3.0, 1.0]]


def test_a_point_whose_inputs_cannot_serve_its_rules_is_refused(rules_of, row_of):
    with pytest.raises(ValueError, match="must start with the rules' own"):
        DecisionPoint("p", "process_control", ("n.n1",), "stop", rules_of(row_of("r", "n.n0 > 1")))


# -- combining -----------------------------------------------------------------------------------

ACTION = st.sampled_from(["none", "stop", "warn", "slow"])


def hit(action, confidence):
    return RuleHit(action, confidence, False, "r", "rule r", safe=False)


def said(action, confidence):
    return Verdict(action, confidence, "model", "model m", model_version="1")


@given(ACTION, ACTION, UNIT, UNIT)
def test_a_combined_confidence_is_within_0_and_1(point_of, rule_says, model_says, a, b):
    verdict = combine(point_of(), hit(rule_says, a), said(model_says, b))
    assert 0.0 <= verdict.confidence <= 1.0
    assert verdict.action in (rule_says, model_says)


@given(ACTION, UNIT, UNIT)
def test_agreement_is_never_less_sure_than_either(point_of, action, a, b):
    confidence = combine(point_of(), hit(action, a), said(action, b)).confidence
    assert confidence >= max(a, b) - 1e-12


@given(ACTION, UNIT, UNIT, UNIT)
def test_agreement_grows_with_either_confidence(point_of, action, a, low, high):
    low, high = sorted((low, high))
    point = point_of()
    less = combine(point, hit(action, a), said(action, low)).confidence
    assert combine(point, hit(action, a), said(action, high)).confidence >= less - 1e-12


@given(OPEN, OPEN, OPEN)
def test_contradiction_grows_with_the_winner_and_falls_with_the_other(point_of, a, low, high):
    low, high = sorted((low, high))
    point = point_of()  # the safe action is stop, so stop wins whoever says it
    by_winner = [combine(point, hit("stop", c), said("warn", a)).confidence for c in (low, high)]
    assert by_winner[1] >= by_winner[0] - 1e-12
    by_other = [combine(point, hit("stop", a), said("warn", c)).confidence for c in (low, high)]
    assert by_other[1] <= by_other[0] + 1e-12


@given(st.floats(0.01, 0.99))
def test_two_that_are_equally_sure_and_disagree_go_to_review(point_of, confidence):
    point = point_of()
    verdict = combine(point, hit("warn", confidence), said("slow", confidence))
    assert verdict.confidence == pytest.approx(0.5)
    assert verdict.confidence < point.review_below


@given(UNIT, UNIT)
def test_the_safe_action_wins_a_contradiction(point_of, a, b):
    assert combine(point_of(), hit("warn", a), said("stop", b)).action == "stop"
    assert combine(point_of(), hit("stop", a), said("none", b)).action == "stop"


@given(UNIT, UNIT)
def test_an_action_wins_over_none(point_of, a, b):
    assert combine(point_of(), hit("none", a), said("warn", b)).action == "warn"
    assert combine(point_of(), hit("warn", a), said("none", b)).action == "warn"


def test_otherwise_the_surer_wins_and_the_rule_at_a_tie(point_of):
    assert combine(point_of(), hit("warn", 0.6), said("slow", 0.7)).action == "slow"
    assert combine(point_of(), hit("warn", 0.7), said("slow", 0.7)).action == "warn"


# -- the cloud's answer ----------------------------------------------------------------------------


def answer(**changes):
    fields = {
        "id": "1",
        "action": "warn",
        "confidence": 0.9,
        "reason": "worn",
        "model_version": "c1",
    }
    return AnswerMessage(**(fields | changes))


def test_an_answer_becomes_a_verdict():
    assert judge_answer(answer(), ("none", "warn")) == Verdict(
        "warn", 0.9, "cloud", "cloud: worn", model_version="c1"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "explode"},
        {"action": ""},
        {"confidence": math.nan},
        {"confidence": 1.01},
        {"confidence": -1},
    ],
)
def test_an_answer_that_may_not_be_used_is_none(changes):
    assert judge_answer(answer(**changes), ("none", "warn")) is None


def test_the_clouds_words_cannot_upset_a_terminal_or_a_page():
    verdict = judge_answer(answer(reason="\x1b[2J\nboom" + "x" * 10_000), ("warn",))
    assert verdict is not None
    assert "\x1b" not in verdict.reason
    assert "\n" not in verdict.reason
    assert len(verdict.reason) < 400


def test_a_safe_default_names_why(point_of):
    verdict = safe_default(point_of(), "the cloud gave no answer within 200 ms")
    assert verdict.action == "stop"
    assert verdict.reason == "safe default: the cloud gave no answer within 200 ms"
