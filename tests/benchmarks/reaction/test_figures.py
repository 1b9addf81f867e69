"""The area's figures follow from the tally alone."""

import pytest

from benchmarks.pressure import Pressure
from benchmarks.reaction.figures import figures
from benchmarks.reaction.tally import Tally


@pytest.fixture
def tally(monkeypatch):
    monkeypatch.setattr(Pressure, "pct", property(lambda _: 5.0))
    tally = Tally()
    for peer, p50, p99, cpu in (
        ("banksman", 0.25, 0.9, 12.0), ("pyloop", 0.2, 0.4, 6.0),
        ("nodered", 2.8, 3.2, 9.0), ("cloop", 0.02, 0.1, 1.0),
    ):  # fmt: skip
        for _ in range(3):
            tally.add(peer, "decide_p50_ms", p50, 300)
            tally.add(peer, "decide_p99_ms", p99, 300)
            tally.add(peer, "cpu_pct", cpu)
    return tally


def named(tally):
    return {figure.name.removeprefix("reaction."): figure for figure in figures(tally)}


def test_the_issues_targets_are_met_by_a_daemon_that_reaches_them(tally):
    found = named(tally)
    for name in ("decide_p50", "decide_p50_vs_nodered", "decide_p99", "cpu"):
        assert found[name].met is True, name
    assert found["decide_p99_prize"].met is False


def test_samples_of_all_rounds_count(tally):
    assert (named(tally)["decide_p50"].n, named(tally)["decide_p50"].runs) == (900, 3)


def test_a_missing_peer_leaves_a_figure_that_says_so():
    tally = Tally()
    tally.add("banksman", "decide_p50_ms", 0.3)
    tally.missing["nodered"] = "side_by_side: Node-RED needs node and npm"
    figure = named(tally)["decide_p50_vs_nodered"]
    assert (figure.met, figure.ratio) == (None, None)
    assert "needs node and npm" in figure.note


def test_a_loss_above_the_mark_is_judged_by_its_age(tally):
    tally.add("banksman", "lost_below_mark", 0, 6000)
    tally.add("banksman", "lost_above_mark", 2, 6000)
    tally.add("banksman", "lost_age_ms", 25.0, 6000)
    found = named(tally)
    assert found["outage_lost_below_mark"].met is True
    assert found["outage_lost_age"].met is False
    assert found["outage_lost_above_mark"].met is None
