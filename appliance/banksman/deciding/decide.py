"""Deciding: an event of one decision point in, a verdict with its reason out. Pure.

    rules --definitive hit--------------------------------------> verdict
      |-- not definitive, or none --> model's score --> combine --> verdict
                                        |-- no model: the hit, else ask the cloud
                                        |-- nothing usable: the point's safe default

How a rule and a model are combined (a, b: their confidences, taken as independent witnesses)
- They agree: at least one of them is right, 1 - (1-a)(1-b). Never less than either.
- They disagree: the safer action wins. Safer is the point's safe action; failing that, an action
  over none; failing that, the more confident one, and the rule at a tie. Exactly one of them can
  be right, so the winner's confidence is the odds that it is the one, a(1-b) / (a(1-b) + b(1-a)):
  it grows with its own confidence and falls with the other's, and contradiction is sent to review.

Whatever cannot be told (a faulty model input, a model that raises or returns NaN) is the point's
safe action with confidence 0 and a reason that names it. It never raises and never guesses.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from banksman.deciding.cache import ScoreCache
from banksman.deciding.condition import first_fault
from banksman.deciding.decision import NO_ACTION, DecisionType, Event, Source, Verdict
from banksman.deciding.rules import RuleHit, RuleSet
from banksman.wire.messages import AnswerMessage
from banksman_inference.ports import Model, Score

REASON_CHARS_MAX = 300


class DecisionPoint(msgspec.Struct, frozen=True):
    """One decision point, ready to decide.

    ``inputs`` names the values of its events: the rules' inputs first and in their order, then
    the model's and what else is recorded. ``model_action`` is taken when the score is over
    ``alarm_above``; below, the model says `none`.
    """

    name: str
    type: DecisionType
    inputs: tuple[str, ...]
    safe_action: str
    rules: RuleSet | None = None
    model: Model | None = None
    model_slots: tuple[int, ...] = ()
    alarm_above: float = 0.5
    model_action: str = NO_ACTION
    ask_cloud: bool = False
    deadline_ms: float = 200.0
    sync_below: float = 0.8
    review_below: float = 0.6

    def __post_init__(self) -> None:
        """Find the model's inputs once; raises ValueError when ``inputs`` cannot serve both."""
        if self.rules is not None and self.inputs[: len(self.rules.inputs)] != self.rules.inputs:
            raise ValueError(f"decision point {self.name}: inputs must start with the rules' own")
        if self.model is not None:
            slots = tuple(self.inputs.index(name) for name in self.model.inputs)
            msgspec.structs.force_setattr(self, "model_slots", slots)


class Ask(msgspec.Struct, frozen=True, gc=False):
    """The cloud shall be asked. ``why`` there is no local answer."""

    why: str


def join_inputs(
    rules: RuleSet | None, model: Model | None, extra: Collection[str]
) -> tuple[str, ...]:
    """The ``inputs`` of a decision point: the rules' first, then the model's, then ``extra``."""
    own = rules.inputs if rules is not None else ()
    return tuple(dict.fromkeys((*own, *(model.inputs if model is not None else ()), *extra)))


def decide(point: DecisionPoint, event: Event, cache: ScoreCache | None) -> Verdict | Ask:
    """Judge one event whose values stand in the order of ``point.inputs``. Never raises."""
    try:
        if len(event.values) != len(point.inputs):
            return safe_default(point, f"{len(event.values)} values for {len(point.inputs)} inputs")
        hit = None
        if point.rules is not None:
            hit = point.rules.evaluate(event.values, event.faults)
            if hit is not None and hit.definitive:
                return _of_rule(hit)
        if point.model is not None:
            return _with_model(point, point.model, event, cache, hit)
    except Exception as error:  # noqa: BLE001  a backend may raise anything; the reason names it
        return safe_default(point, f"deciding failed: {type(error).__name__}: {error}")
    if point.ask_cloud:
        return Ask("no definitive rule matched and there is no local model")
    if hit is not None:
        return _of_rule(hit)
    return safe_default(point, "no rule matched and there is no model to ask")


def safe_default(point: DecisionPoint, why: str) -> Verdict:
    """The point's declared safe action; confidence 0, so that a person sees it."""
    reason = f"safe default: {_clean(why)}"
    return Verdict(point.safe_action, 0.0, "safe_default", reason)


def judge_answer(answer: AnswerMessage, actions: Collection[str]) -> Verdict | None:
    """The verdict of a cloud's answer; None when it may not be used.

    Its action must be among ``actions`` and its confidence within 0..1. Its reason is shortened
    and freed of control characters, since people and logs will show it.
    """
    confidence = answer.confidence
    if answer.action not in actions or not 0.0 <= confidence <= 1.0:
        return None
    reason = f"cloud: {_clean(answer.reason)}"
    return Verdict(answer.action, confidence, "cloud", reason, model_version=answer.model_version)


def combine(point: DecisionPoint, hit: RuleHit, model: Verdict) -> Verdict:
    """One verdict of a rule that is not definitive and a model's, as the top of the file says."""
    a, b = hit.confidence, model.confidence
    if hit.action == model.action:
        confidence = 1.0 - (1.0 - a) * (1.0 - b)
        reason = f"{hit.reason}; {model.reason} agrees"
        action = hit.action
    else:
        rule_wins = _rule_wins(point.safe_action, hit, model)
        action = hit.action if rule_wins else model.action
        confidence = _odds(a, b) if rule_wins else _odds(b, a)
        reason = f"{hit.reason} says {hit.action}; {model.reason} says {model.action}"
    return Verdict(action, confidence, "combined", reason, hit.rule, model.model_version)


def _with_model(
    point: DecisionPoint,
    model: Model,
    event: Event,
    cache: ScoreCache | None,
    hit: RuleHit | None,
) -> Verdict:
    why = first_fault(point.inputs, point.model_slots, event.values, event.faults)
    if why:
        return safe_default(point, f"model {model.id} cannot be asked: {why}")
    values = event.values
    features = [values[slot] for slot in point.model_slots]
    score = _score(model, point.rules, features, cache, event.mono_ns)
    if not _usable(score):
        why = f"model {model.id} gave {score.value} with confidence {score.confidence}"
        return safe_default(point, f"{why}; both must be 0 to 1")
    over = score.value > point.alarm_above
    verdict = Verdict(
        point.model_action if over else NO_ACTION,
        score.confidence,
        "model",
        f"model {model.id} scores {score.value:.2f}, {'over' if over else 'within'}"
        f" {point.alarm_above:g}{f' ({score.label})' if score.label else ''}",
        model_version=model.version,
    )
    return verdict if hit is None else combine(point, hit, verdict)


def _score(
    model: Model,
    rules: RuleSet | None,
    features: list[float],
    cache: ScoreCache | None,
    now_ns: int,
) -> Score:
    if cache is None or not cache.entries_max:
        return model.score(features)
    key = cache.key(model.id, model.version, "" if rules is None else rules.version, features)
    score = cache.get(key, now_ns)
    if score is None:
        score = model.score(features)
        if _usable(score):
            cache.put(key, score, now_ns)
    return score


def _usable(score: Score) -> bool:
    """Whether both numbers are 0 to 1; NaN is not."""
    return 0.0 <= score.value <= 1.0 and 0.0 <= score.confidence <= 1.0


def _of_rule(hit: RuleHit) -> Verdict:
    source: Source = "safe_default" if hit.safe else "rule"
    return Verdict(hit.action, hit.confidence, source, hit.reason, hit.rule)


def _rule_wins(safe_action: str, hit: RuleHit, model: Verdict) -> bool:
    if safe_action in (hit.action, model.action):
        return hit.action == safe_action
    if NO_ACTION in (hit.action, model.action):
        return model.action == NO_ACTION
    return hit.confidence >= model.confidence


def _odds(winner: float, other: float) -> float:
    """The probability that the winner is right, given that exactly one of the two is."""
    mine, theirs = winner * (1.0 - other), other * (1.0 - winner)
    return mine / (mine + theirs) if mine + theirs > 0.0 else 0.5


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text[:REASON_CHARS_MAX])
