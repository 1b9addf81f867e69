"""The native thread on real FIFOs: what the plant sees when circuits open, close and break."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from banksman_drivers.guard.native import Guard
from banksman_drivers.guard.values import SetResult
from banksman_drivers.ports import DeviceLost, Unsupported
from banksman_drivers.settings.guard import GuardSettings


def test_a_start_with_a_silent_estop_is_latched_and_the_output_safe(rig):
    state = rig.guard.state()
    assert state.latched
    assert "cannot be read" in state.cause
    assert rig.until_out("permit", len) == b"0"


def test_a_start_with_an_open_estop_is_latched_without_an_event(make_rig):
    rig = make_rig()
    os.mkfifo(rig.folder / "estop")
    rig.connect("estop", os.O_RDWR)
    rig.put("estop", b"0")
    rig.start()
    rig.settle()
    state = rig.guard.state()
    assert state.cause == "estop is open"
    assert [event.kind for event in rig.events] == []


def test_a_start_with_a_closed_estop_is_not_latched(make_rig):
    rig = make_rig()
    os.mkfifo(rig.folder / "estop")
    rig.connect("estop", os.O_RDWR)
    rig.put("estop", b"1")
    rig.start()
    assert not rig.guard.state().latched


def test_a_restored_latch_holds_with_its_cause(make_rig):
    rig = make_rig()
    os.mkfifo(rig.folder / "estop")
    rig.connect("estop", os.O_RDWR)
    rig.put("estop", b"1")
    rig.start(latched=True, cause="oven too hot")
    assert rig.guard.state().cause == "oven too hot"


def test_an_opening_estop_stops_the_plant(rig):
    rig.energise()
    rig.until_out("permit", lambda seen: seen == b"01")
    rig.tell("estop", b"0")
    rig.until_out("permit", lambda seen: seen == b"010")
    assert rig.until_event("tripped").text == "estop is open"
    assert rig.guard.state().latency.count == 1


def test_an_opening_and_closing_in_one_read_stops_the_plant(rig):
    rig.energise()
    rig.tell("estop", b"01")
    rig.until_out("permit", lambda seen: seen == b"010")
    assert rig.guard.state().latched


def test_every_output_goes_to_its_own_safe_level(make_rig):
    rig = make_rig(outputs={"permit": {}, "brake": {"safe": True}})
    rig.start()
    rig.close_all()
    rig.guard.renew()
    rig.set("permit", True)
    rig.set("brake", False)
    rig.tell("estop", b"0")
    rig.until_out("permit", lambda seen: seen == b"010")
    rig.until_out("brake", lambda seen: seen == b"101")


def test_a_reset_clears_the_latch_and_energises_nothing(rig):
    rig.energise()
    rig.tell("estop", b"0")
    rig.tell("estop", b"1")
    rig.press_reset()
    rig.until_event("reset")
    rig.guard.renew()
    rig.settle()
    assert rig.until_out("permit", lambda seen: len(seen) >= 3) == b"010"
    assert rig.guard.state().commanded == {"permit": False}


def test_a_reset_is_refused_and_names_the_open_circuit(rig):
    rig.tell("estop", b"0")
    rig.put("reset", b"0")
    rig.until(lambda state: state.inputs["reset"] is False)
    rig.press_reset()
    assert "estop" in rig.until_event("reset_refused").text
    assert rig.guard.state().latched


def test_a_trip_by_command_tells_its_cause(rig):
    rig.energise()
    rig.guard.trip("oven too hot")
    assert rig.until_event("tripped").text == "oven too hot"
    state = rig.guard.state()
    assert state.cause == "oven too hot"
    rig.until_out("permit", lambda seen: seen == b"010")


def test_the_first_cause_of_a_latch_stays(rig):
    rig.close_all()
    rig.guard.trip("first")
    rig.until(lambda state: state.latched)
    rig.guard.trip("second")
    rig.tell("estop", b"0")
    assert rig.guard.state().cause == "first"


def test_a_command_after_a_trip_of_the_same_moment_is_refused(rig):
    rig.energise()
    rig.guard.trip("now")
    assert rig.set("permit", True) is SetResult.REFUSED_LATCHED


def test_a_dead_plant_is_an_open_circuit(rig):
    rig.energise()
    rig.die("estop")
    rig.until_out("permit", lambda seen: seen == b"010")
    assert "cannot be read" in rig.until_event("tripped").text


def test_a_plant_that_comes_back_closes_the_input_but_not_the_latch(rig):
    rig.energise()
    rig.die("estop")
    rig.until(lambda state: state.inputs["estop"] is None)
    rig.tell("estop", b"1")
    state = rig.until(lambda state: state.inputs["estop"] is True)
    assert state.latched
    rig.press_reset()
    rig.until(lambda state: not state.latched)


def test_a_dead_plant_costs_no_spinning(rig):
    rig.close_all()
    rig.die("estop")
    rig.until(lambda state: state.inputs["estop"] is None)
    before = rig.guard.state().counters["wakes"]
    for _ in range(20):
        rig.settle()
    # One wake a command, and the periodic checks of a slow machine; a spin makes thousands.
    assert rig.guard.state().counters["wakes"] - before < 500


def test_a_toggling_permit_line_moves_while_held_and_rests_after_a_trip(make_rig):
    rig = make_rig(outputs={"permit": {"toggle_ms": 2}})
    rig.start()
    rig.energise()
    rig.until_out("permit", lambda seen: seen.startswith(b"0101010101"))
    rig.tell("estop", b"0")
    writes = rig.guard.state().counters["writes"]
    rig.until_out("permit", lambda seen: len(seen) == writes)
    assert rig.seen["permit"].endswith(b"0")
    rig.settle()
    assert rig.guard.state().counters["writes"] == writes


def test_the_channels_of_a_pair_are_compared(make_rig):
    terms = {"debounce_ms": 0, "discrepancy_ms": 20}
    rig = make_rig(estops={"left": {"pair": "right", **terms}, "right": terms})
    rig.start()
    rig.energise()
    rig.tell("left", b"0")
    assert "left and right disagree" in rig.until_event("discrepancy").text
    assert rig.guard.state().discrepant == ("left", "right")
    rig.tell("left", b"1")
    rig.press_reset()
    rig.until_event("reset_refused")
    rig.tell("left", b"0")
    rig.tell("right", b"0")
    rig.until_event("agreed")
    rig.close_all()


def test_a_welded_channel_is_told_though_the_other_has_tripped_already(make_rig):
    """One press opens left alone: the trip comes at once, the discrepancy after its time."""
    terms = {"debounce_ms": 0, "discrepancy_ms": 20}
    rig = make_rig(estops={"left": {"pair": "right", **terms}, "right": terms})
    rig.start()
    rig.energise()
    rig.tell("right", b"0")
    assert rig.until_event("tripped").text == "right is open"
    assert rig.until_event("discrepancy").name == "left"
    assert rig.guard.state().cause == "right is open"
    rig.tell("left", b"0")
    assert rig.until_event("agreed").name == "left"


def test_stop_leaves_outputs_safe_and_joins_the_thread(rig, thread_count):
    rig.energise()
    threads = thread_count()
    assert rig.guard.stop() == ()
    assert thread_count() == threads - 1
    assert rig.until_out("permit", lambda seen: len(seen) >= 3) == b"010"
    assert rig.guard.stop() == ()


def test_stop_closes_every_descriptor(make_rig, open_fds):
    before = open_fds()
    rig = make_rig()
    rig.guard.start()
    assert open_fds() != before
    rig.guard.stop()
    assert open_fds() == before


def test_a_stopped_guard_takes_no_more_requests(rig):
    rig.guard.stop()
    for request in (rig.guard.renew, rig.guard.fileno, lambda: rig.guard.set("permit", True)):
        with pytest.raises(RuntimeError, match="stopped"):
            request()


def test_a_forgotten_guard_stops_by_itself(make_rig, thread_count):
    rig = make_rig()
    rig.guard.start()
    threads = thread_count()
    del rig.guard._native
    assert thread_count() == threads - 1


def test_a_hundred_guards_come_and_go_without_a_trace(make_rig, open_fds):
    rig = make_rig()
    before = open_fds()
    for _ in range(100):
        rig.guard.start()
        rig.guard.stop()
    assert open_fds() == before


def test_the_state_may_be_read_from_other_threads_while_it_changes(rig):
    rig.close_all()
    wrong: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            state = rig.guard.state()
            if not state.latched and state.inputs["estop"] is not True:
                wrong.append(state)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        rig.tell("estop", b"0")
        rig.tell("estop", b"1")
        rig.press_reset()
        rig.until(lambda state: not state.latched)
    done.set()
    reader.join()
    assert wrong == []


def test_it_says_whether_it_runs_in_real_time(rig):
    state = rig.until(lambda state: "progress" not in state.realtime_message)
    if state.realtime:
        assert state.realtime_message == "SCHED_FIFO 50"
    else:
        assert "LimitRTPRIO=50" in state.realtime_message


def test_only_its_own_memory_is_locked(make_rig):
    def locked_kb() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmLck"))

    before = locked_kb()
    rig = make_rig()
    rig.guard.start()
    assert rig.guard.state().memory_locked
    assert 0 < locked_kb() - before < 512
    rig.guard.stop()


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ([("a", "estop", "b")], "another e-stop"),
        ([("a", "estop", "a")], "another e-stop"),
        ([("a", "estop", "b"), ("b", "reset", None)], "another e-stop"),
        ([("a", "estop", "b"), ("b", "estop", "c"), ("c", "estop", None)], "more than one pair"),
    ],
)
def test_a_pair_that_is_none_is_refused_at_start(inputs, told):
    settings = GuardSettings.model_validate(
        {
            "input": [
                {"name": name, "kind": kind, "source": f"fifo:/tmp/{name}", "pair": pair}
                for name, kind, pair in inputs
            ]
        }
    )
    with pytest.raises(Unsupported, match=told):
        Guard(settings)


def test_a_discrepancy_time_within_the_debounce_time_is_refused():
    point = {"kind": "estop", "debounce_ms": 600}
    settings = GuardSettings.model_validate(
        {
            "input": [
                {"name": "a", "source": "fifo:/tmp/a", "pair": "b", **point},
                {"name": "b", "source": "fifo:/tmp/b", **point},
            ]
        }
    )
    with pytest.raises(Unsupported, match="discrepancy_ms"):
        Guard(settings)


def test_an_output_that_does_not_exist_is_unsupported(rig):
    with pytest.raises(Unsupported, match="siren"):
        rig.guard.set("siren", True)


def test_a_missing_gpio_chip_is_a_lost_device_and_leaves_nothing_open(open_fds):
    settings = GuardSettings.model_validate(
        {"output": [{"name": "permit", "target": "gpio:/dev/gpiochip99:4"}]}
    )
    before = open_fds()
    with pytest.raises(DeviceLost, match="check the path"):
        Guard(settings).start()
    assert open_fds() == before
