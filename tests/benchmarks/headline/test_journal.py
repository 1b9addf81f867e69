"""Decisions are counted so that the box is not flattered."""

import pytest

from banksman.deciding.decision import Decision
from benchmarks.headline.journal import changes, local_pct


def decision(point="oven", action="none", source="rule", rule="normal", review=False):
    return Decision(
        id="demo-1-1", node="demo", type="process_control", point=point, wall_ns=0, mono_ns=0,
        boot_id="", clock_quality="synchronised", latency_us=50.0, action=action, confidence=0.9,
        source=source, reason="", inputs={}, rules_version="", rule=rule, model_version=None,
        sync=False, review=review, mode="armed",
    )  # fmt: skip


def test_a_repeat_is_no_decision_of_its_own():
    assert len(changes([decision()] * 60)) == 1


def test_points_are_told_apart():
    assert len(changes([decision("oven"), decision("door"), decision("oven")])) == 2


@pytest.mark.parametrize(
    "other",
    [{"action": "oven_off"}, {"source": "cloud"}, {"rule": "hot"}, {"review": True}],
    ids=lambda other: next(iter(other)),
)
def test_what_differs_counts_and_so_does_the_way_back(other):
    assert len(changes([decision(), decision(**other), decision()])) == 3


@pytest.mark.parametrize(
    ("source", "local"),
    [("rule", 100), ("model", 100), ("combined", 100), ("cloud", 0), ("safe_default", 0)],
)
def test_only_rules_and_models_of_the_box_are_local(source, local):
    assert local_pct([decision(source=source)]) == local


def test_the_share_is_of_all():
    assert local_pct([decision(), decision(), decision(), decision(source="cloud")]) == 75.0
