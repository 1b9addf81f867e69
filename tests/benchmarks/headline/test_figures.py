"""Figures of hours and holds: what counts, against what, and what a missing run says."""

import pytest

from banksman.deciding.decision import Decision
from benchmarks.headline.figures import of_holds, of_hours
from benchmarks.headline.forklift import Holds
from benchmarks.headline.hour import Hour, Sorted


def decision(number, source, latency_ms):
    return Decision(
        id=f"demo-1-{number}", node="demo", type="process_control", point="oven", wall_ns=0,
        mono_ns=number, boot_id="", clock_quality="synchronised", latency_us=latency_ms * 1e3,
        action=f"action {number}", confidence=0.9, source=source, reason="", inputs={},
        rules_version="", rule=None, model_version=None, sync=False, review=False, mode="armed",
    )  # fmt: skip


@pytest.fixture
def hour():
    """Nine local decisions of 1 ms and one of the cloud's, which took 281 ms."""
    own = [decision(number, "rule", 1.0) for number in range(9)]
    return Hour(
        decisions=(*own, decision(9, "cloud", 281.0)),
        verdicts={"rule": 999, "cloud": 1},
        verdicts_mean_ms=0.06,
        parts=Sorted(defects_rejected=49, defects_passed=1, good_rejected=2, good_passed=198),
        asked=1,
        lost=0,
        readings=1000,
        by_exception_bytes=10,
        every_reading_bytes=100,
    )


def by_name(figures):
    return {figure.name.removeprefix("headline."): figure for figure in figures}


def test_an_hours_figures_are_shares_and_means_of_its_decisions(hour):
    found = by_name(of_hours([hour], 3.0))
    values = {name: figure.value for name, figure in found.items()}
    assert values == {
        "local_decisions": 90.0,
        "decision_latency_mean": 29.0,
        "decision_latency_p99": 281.0,
        "decision_latency_local_p99": 1000.0,
        "bandwidth_reduction": 90.0,
        "defects_diverted": 98.0,
        "good_parts_diverted": 1.0,
    }


def test_targets_are_judged_by_what_was_counted(hour):
    found = by_name(of_hours([hour], 3.0))
    assert found["local_decisions"].met is True
    assert found["decision_latency_mean"].met is False
    assert found["defects_diverted"].met is None


def test_the_kinder_ways_of_counting_stand_in_the_note_only(hour):
    note = by_name(of_hours([hour], 3.0))["local_decisions"].note
    assert "99.900 %" in note
    assert "1 questions" in note


def test_holds_are_compared_with_the_echo_of_their_own_run():
    runs = [Holds((1.0, 3.0), (0.5, 1.5), 0), Holds((2.0, 4.0), (1.0, 1.0), 1)]
    found = by_name(of_holds(runs, 3.0))
    mean = found["forklift_reaction"]
    assert (mean.value, mean.peer_value, mean.ratio, mean.n, mean.met) == (2.5, 1.0, 2.5, 4, True)
    assert found["forklift_reaction_p99"].value == 3.5
    assert (found["forklift_missed"].value, found["forklift_missed"].met) == (1.0, False)


def test_a_daemon_that_did_not_come_up_leaves_a_note_and_no_claim():
    found = of_holds([], 3.0, missing="the daemon did not hold the vehicle")
    assert {(figure.value, figure.met, figure.note) for figure in found} == {
        (None, None, "the daemon did not hold the vehicle")
    }
