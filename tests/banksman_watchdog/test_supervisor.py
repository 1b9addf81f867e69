"""The supervisor pets on proof of progress only, and names who did not progress."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_watchdog.fake import FakeWatchdog
from banksman_watchdog.supervisor import Supervisor

S = 1_000_000_000


def supervisor(**limits_s: float) -> Supervisor:
    return Supervisor(limits_s, period_s=1.0, mono_ns=0)


def test_it_pets_while_every_part_progresses():
    watch = supervisor(control=2, store=10)
    judgements = [watch.judge({"control": n, "store": n}, n * S, "armed") for n in range(1, 30)]
    assert all(judgement.pet for judgement in judgements)
    assert {judgement.status for judgement in judgements} == {"armed"}
    assert not any(judgement.stalls for judgement in judgements)


def test_one_stalled_part_is_enough_to_stop_petting():
    watch = supervisor(control=2, main=2, store=2)
    watch.judge({"control": 1, "main": 1, "store": 1}, 1 * S, "armed")
    judgement = watch.judge({"control": 9, "main": 9, "store": 1}, 4 * S, "armed")
    assert not judgement.pet
    assert [stall.part for stall in judgement.stalls] == ["store"]


def test_being_asked_often_is_life_and_no_progress():
    watch = supervisor(control=2)
    watch.judge({"control": 7}, 0, "armed")
    pets = [watch.judge({"control": 7}, n * S // 10, "armed").pet for n in range(1, 40)]
    assert pets == [True] * 20 + [False] * 19


def test_the_status_says_who_stalled_for_how_long_and_what_follows():
    watch = supervisor(control=2)
    status = watch.judge({}, 5 * S, "armed").status
    assert status == (
        "STALLED: control made no progress for 5.0 s (limit 2 s); not petting, expect a restart"
    )


def test_the_part_furthest_over_its_limit_is_blamed_first():
    watch = supervisor(store=30, control=2, main=20)
    stalls = watch.judge({}, 60 * S, "armed").stalls
    assert [stall.part for stall in stalls] == ["control", "main", "store"]


def test_a_part_that_goes_on_is_forgiven():
    watch = supervisor(control=2)
    assert not watch.judge({}, 5 * S, "armed").pet
    judgement = watch.judge({"control": 1}, 6 * S, "armed")
    assert judgement.pet
    assert judgement.status == "armed"


def test_a_part_that_began_anew_counts_as_progress():
    watch = supervisor(control=2)
    watch.judge({"control": 500}, 1 * S, "armed")
    assert watch.judge({"control": 0}, 4 * S, "armed").pet


def test_a_part_that_never_reports_is_blamed_after_its_limit():
    watch = supervisor(control=2, store=3)
    assert watch.judge({"control": 1}, 3 * S, "armed").pet
    assert not watch.judge({"control": 2}, 3 * S + 1, "armed").pet


def test_a_process_that_was_stopped_is_not_petted_until_its_parts_go_on():
    watch = supervisor(control=2, main=2)
    watch.judge({"control": 1, "main": 1}, 1 * S, "armed")
    assert not watch.judge({"control": 1, "main": 2}, 60 * S, "armed").pet
    assert watch.judge({"control": 2, "main": 3}, 61 * S, "armed").pet


def test_it_asks_to_be_woken_just_past_the_next_limit():
    watch = Supervisor({"control": 0.3}, period_s=1.0, mono_ns=0)
    judgement = watch.judge({"control": 1}, S, "armed")
    assert judgement.wake_mono_ns == S + S * 3 // 10 + 1
    assert not watch.judge({"control": 1}, judgement.wake_mono_ns, "armed").pet


def test_a_heartbeat_of_an_undeclared_part_is_an_error():
    with pytest.raises(ValueError, match="camera sends heartbeats but has no limit"):
        supervisor(control=2).judge({"camera": 1}, 1, "armed")


@pytest.mark.parametrize("limits_s", [{}, {"control": 0.0}, {"control": float("nan")}])
def test_a_supervisor_that_could_never_or_always_pet_is_refused(limits_s):
    with pytest.raises(ValueError, match=r"needs at least one part|must be over 0"):
        Supervisor(limits_s, period_s=1.0, mono_ns=0)


@given(
    stop_s=st.floats(0, 60),
    limit_s=st.floats(0.5, 30),
    watchdog_s=st.floats(2, 30),
    other_s=st.floats(0.05, 0.4),
)
def test_a_stalled_part_is_bitten_within_limit_plus_period_plus_timeout(
    ticks_of, stop_s, limit_s, watchdog_s, other_s
):
    """Wind up, stall, and wait: the bound that the unit's WatchdogSec relies on."""
    ticks = ticks_of()
    period_s = watchdog_s / 4
    bite = FakeWatchdog(ticks, watchdog_s)
    watch = Supervisor({"control": limit_s, "main": 30.0}, period_s, 0)
    while not bite.bitten:
        now_s = ticks.now_ns / 1e9
        beats = {"control": int(min(now_s, stop_s) / other_s), "main": int(now_s / other_s)}
        judgement = watch.judge(beats, ticks.now_ns, "armed")
        if judgement.pet:
            bite.pet()
        assert ticks.now_ns < judgement.wake_mono_ns <= ticks.now_ns + round(period_s * 1e9)
        ticks.now_ns = judgement.wake_mono_ns
    bound_s = stop_s + limit_s + period_s + watchdog_s
    assert bite.bites_mono_ns / 1e9 <= bound_s + 1e-6
    assert bite.bites_mono_ns / 1e9 > stop_s - other_s + watchdog_s - period_s


steps = st.lists(
    st.tuples(
        st.integers(1, 3 * S), st.fixed_dictionaries({"a": st.booleans(), "b": st.booleans()})
    ),
    max_size=60,
)


@given(steps)
def test_it_pets_exactly_when_every_part_moved_within_its_limit(taken):
    limits_s = {"a": 2.0, "b": 5.0}
    watch = Supervisor(limits_s, period_s=1.0, mono_ns=0)
    now, counts, moved = 0, {"a": 0, "b": 0}, {"a": 0, "b": 0}
    watch.judge(counts, 0, "armed")
    for step_ns, progressed in taken:
        now += step_ns
        for part in counts:
            if progressed[part]:
                counts[part] += 1
                moved[part] = now
        judgement = watch.judge(counts, now, "armed")
        late = {part for part in limits_s if now - moved[part] > limits_s[part] * 1e9}
        assert judgement.pet is (not late)
        assert {stall.part for stall in judgement.stalls} == late
