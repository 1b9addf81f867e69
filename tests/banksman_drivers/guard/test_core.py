"""What the guard means, in virtual time on its pure core."""

from __future__ import annotations

import pytest

from banksman_drivers.guard.values import SetResult

ESTOP, RESET = 0, 1


@pytest.fixture
def ready(core):
    """Closed e-stop, released reset, a leased output that is on."""
    core.input("estop")
    core.input("reset", first=0)
    core.output()
    core.begin()
    core.renew(lease_ms=1_000_000)
    assert core.set(0, 1) is SetResult.DONE
    core.events.clear()
    return core


def test_an_opening_estop_releases_the_output_and_latches_at_once(ready):
    ready.tell(ESTOP, 0)
    assert ready.level(0) == 0
    assert ready.latched
    assert ready.kinds == ["opened", "tripped"]


def test_an_unknown_estop_counts_as_open(ready):
    ready.tell(ESTOP, -1)
    assert ready.level(0) == 0
    assert ready.latched
    assert ready.kinds == ["unknown", "tripped"]


def test_a_first_closed_state_is_no_edge_and_no_trip(core):
    core.input("estop", first=1)
    core.begin()
    assert not core.latched
    core.wait(1000)
    assert core.events == []


@pytest.mark.parametrize("first", [0, -1])
def test_a_first_state_that_is_not_closed_is_a_latched_trip_without_an_event(core, first):
    core.input("estop", first=first)
    core.begin()
    core.wait(1000)
    assert core.latched
    assert core.events == []


def test_a_latch_from_before_the_restart_holds_with_all_circuits_closed(core):
    core.input("estop", first=1)
    core.begin(latched=True)
    assert core.latched


def test_a_glitch_shorter_than_the_debounce_time_still_trips(ready):
    ready.tell(ESTOP, 0)
    ready.wait(0.001)
    ready.tell(ESTOP, 1)
    assert ready.latched
    assert ready.level(0) == 0


def test_a_closing_is_believed_only_after_the_debounce_time(ready):
    ready.tell(ESTOP, 0)
    ready.tell(ESTOP, 1)
    ready.wait(4.9)
    assert ready.believed(ESTOP) == 0
    ready.wait(0.2)
    assert ready.believed(ESTOP) == 1


def test_each_bounce_starts_the_debounce_time_anew(ready):
    ready.tell(ESTOP, 0)
    for _ in range(10):
        ready.tell(ESTOP, 1)
        ready.wait(3)
        ready.tell(ESTOP, 0)
        ready.wait(3)
    ready.tell(ESTOP, 1)
    ready.wait(4.9)
    assert ready.believed(ESTOP) == 0
    assert ready.kinds == ["opened", "tripped"]


def test_a_reset_acts_on_release_and_not_on_press(ready):
    ready.tell(ESTOP, 0)
    ready.tell(ESTOP, 1)
    ready.wait(100)
    ready.tell(RESET, 1)
    ready.wait(1000)
    assert ready.latched
    ready.tell(RESET, 0)
    ready.wait(100)
    assert not ready.latched


def test_a_reset_restarts_nothing(ready):
    ready.tell(ESTOP, 0)
    ready.tell(ESTOP, 1)
    ready.wait(100)
    ready.press_reset(RESET)
    ready.wait(1000)
    assert not ready.latched
    assert ready.level(0) == 0
    assert ready.set(0, 1) is SetResult.DONE


@pytest.mark.parametrize("level", [0, -1])
def test_a_reset_is_refused_while_the_estop_is_not_closed(ready, level):
    ready.tell(ESTOP, level)
    ready.press_reset(RESET)
    assert ready.latched
    assert ("reset_refused", RESET, ESTOP) in ready.events


def test_a_reset_is_refused_while_a_closing_is_not_believed_yet(core):
    core.input("estop", first=0, debounce_ms=1000)
    core.input("reset", first=0)
    core.begin()
    core.tell(ESTOP, 1)
    core.press_reset(RESET)
    assert core.latched
    core.wait(1000)
    core.press_reset(RESET)
    assert not core.latched


def test_a_press_shorter_than_the_debounce_time_is_no_press(ready):
    ready.trip()
    ready.tell(RESET, 1)
    ready.wait(4)
    ready.tell(RESET, 0)
    ready.wait(100)
    assert ready.latched


def test_a_button_that_is_stuck_at_start_resets_nothing_when_it_comes_free(core):
    core.input("estop")
    core.input("reset", first=1)
    core.begin(latched=True)
    core.tell(RESET, 0)
    core.wait(100)
    assert core.latched


def test_a_press_that_ends_in_a_broken_wire_is_no_reset(ready):
    ready.trip()
    ready.tell(RESET, 1)
    ready.wait(100)
    ready.tell(RESET, -1)
    ready.wait(100)
    ready.tell(RESET, 0)
    ready.wait(100)
    assert ready.latched


def test_the_first_level_of_a_repaired_button_is_no_press(ready):
    ready.trip()
    ready.tell(RESET, -1)
    ready.tell(RESET, 1)
    ready.wait(100)
    ready.tell(RESET, 0)
    ready.wait(100)
    assert ready.latched


def test_a_commanded_trip_latches_until_the_reset_input(ready):
    ready.trip()
    assert ready.latched
    assert ready.level(0) == 0
    ready.press_reset(RESET)
    assert not ready.latched


def test_an_output_is_refused_while_latched_but_its_safe_level_is_not(ready):
    ready.trip()
    assert ready.set(0, 1) is SetResult.REFUSED_LATCHED
    assert ready.set(0, 0) is SetResult.DONE


def test_an_output_that_is_safe_when_energised_is_energised_by_a_trip(core):
    core.output(safe=1)
    core.begin()
    core.renew()
    assert core.set(0, 0) is SetResult.DONE
    core.trip()
    assert core.level(0) == 1


# --- lease ---


def test_an_expired_lease_releases_the_outputs_without_a_latch(ready):
    ready.renew(lease_ms=200)
    ready.wait(199)
    assert ready.level(0) == 1
    ready.wait(2)
    assert ready.level(0) == 0
    assert not ready.latched
    assert ready.kinds == ["lease_expired"]


def test_after_an_expiry_outputs_stay_safe_until_commanded_anew(ready):
    ready.renew(lease_ms=200)
    ready.wait(300)
    ready.renew(lease_ms=200)
    assert ready.level(0) == 0
    assert ready.set(0, 1) is SetResult.DONE
    assert ready.level(0) == 1


def test_no_output_is_energised_without_a_lease(core):
    core.output()
    core.begin()
    assert core.set(0, 1) is SetResult.REFUSED_LEASE
    assert core.level(0) == 0


def test_a_renewal_that_comes_late_does_not_hide_the_expiry(ready):
    """A stopped process wakes with renewals waiting: the lease had run out all the same."""
    ready.renew(lease_ms=200)
    ready.now_ns += 300_000_000
    ready.renew(lease_ms=200)
    assert ready.level(0) == 0
    assert ready.kinds == ["lease_expired", "lease_renewed"]


# --- toggling permit line ---


def test_a_held_toggling_output_changes_level_each_half_period(core):
    core.output(toggle_ms=50)
    core.begin()
    core.renew(lease_ms=10_000)
    core.set(0, 1)
    levels = []
    for _ in range(6):
        levels.append(core.level(0))
        core.wait(50)
    assert levels == [1, 0, 1, 0, 1, 0]


def test_a_toggling_output_rests_at_safe_after_a_trip(core):
    core.output(toggle_ms=50)
    core.begin()
    core.renew(lease_ms=10_000)
    core.set(0, 1)
    core.trip()
    for _ in range(6):
        assert core.level(0) == 0
        core.wait(50)


def test_a_repeated_command_does_not_disturb_the_toggling(core):
    core.output(toggle_ms=50)
    core.begin()
    core.renew(lease_ms=10_000)
    core.set(0, 1)
    core.wait(60)
    core.set(0, 1)
    assert core.level(0) == 0
    core.wait(40)
    assert core.level(0) == 1


def test_a_guard_that_was_stopped_makes_one_late_edge_and_no_burst(core):
    core.output(toggle_ms=50)
    core.begin()
    core.renew(lease_ms=10_000)
    core.set(0, 1)
    core.freeze(1000)
    assert core.level(0) == 0
    core.wait(49)
    assert core.level(0) == 0
    core.wait(2)
    assert core.level(0) == 1
    assert core.counter("toggles_missed") == 19


# --- two channels ---


@pytest.fixture
def dual(core):
    """Two channels, closed, and a reset input."""
    core.input("estop", pair=1)
    core.input("estop", pair=0)
    core.input("reset", first=0)
    core.output()
    core.begin()
    core.renew(lease_ms=1_000_000)
    core.set(0, 1)
    core.events.clear()
    return core


def test_either_channel_alone_stops_at_once(make_core):
    for channel in (0, 1):
        core = make_core()
        core.input("estop", pair=1)
        core.input("estop", pair=0)
        core.output()
        core.begin()
        core.renew()
        core.set(0, 1)
        core.tell(channel, 0)
        assert core.level(0) == 0
        assert core.latched


def test_channels_that_follow_each_other_in_time_agree(dual):
    dual.tell(0, 0)
    dual.wait(499)
    dual.tell(1, 0)
    dual.wait(1000)
    assert "discrepancy" not in dual.kinds


def test_channels_that_disagree_for_too_long_are_a_discrepancy(dual):
    dual.tell(0, 0)
    dual.wait(501)
    assert "discrepancy" in dual.kinds
    assert dual.discrepant(0)
    assert dual.discrepant(1)


def test_a_reset_needs_both_channels_closed(dual):
    dual.tell(0, 0)
    dual.tell(1, 0)
    dual.tell(0, 1)
    dual.wait(100)
    dual.press_reset(2)
    assert dual.latched


def test_a_welded_contact_is_not_cleared_by_closing_the_other(dual):
    dual.tell(0, 0)
    dual.wait(600)
    dual.tell(0, 1)
    dual.wait(100)
    dual.press_reset(2)
    assert dual.latched
    assert ("reset_refused", 2, 0) in dual.events


def test_a_discrepancy_clears_once_both_channels_are_seen_open(dual):
    dual.tell(0, 0)
    dual.wait(600)
    dual.tell(1, 0)
    assert dual.kinds[-1] == "agreed"
    dual.tell(0, 1)
    dual.tell(1, 1)
    dual.wait(100)
    dual.press_reset(2)
    assert not dual.latched


def test_two_channels_that_cannot_be_read_prove_nothing_about_a_weld(dual):
    dual.tell(0, 0)
    dual.wait(600)
    dual.tell(0, -1)
    dual.tell(1, -1)
    assert dual.discrepant(0)


def test_a_disagreement_of_the_first_state_is_timed_too(core):
    core.input("estop", pair=1, first=1)
    core.input("estop", pair=0, first=0)
    core.begin()
    core.wait(501)
    assert core.discrepant(0)


def test_events_that_nobody_takes_are_dropped_and_counted(core):
    core.input("estop", debounce_ms=0)
    core.begin()
    collect, core._collect = core._collect, lambda: None
    for _ in range(1000):
        core.tell(0, 0)
        core.tell(0, 1)
    core._collect = collect
    core._collect()
    assert len(core.events) == 1024
    assert core.counter("events_dropped") == 2001 - 1024
