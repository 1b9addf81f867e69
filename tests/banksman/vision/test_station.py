"""A station over the fake camera: what it tells, when it cannot tell, and which part it marks."""

import threading

import msgspec
import pytest

from banksman.control.stream import Stream
from banksman.vision.inspection import PictureRefused
from banksman.vision.severity import Severity
from banksman_drivers.ports import Command, Quality, Unsupported
from banksman_inference.fallback import BackendStatus
from banksman_inference.ports import InferenceError

FAR_S, HOLD_S = 3000.0, 600.0
REJECT = {"reject": {"delay_ms": FAR_S * 1e3, "hold_ms": HOLD_S * 1e3}}
PATIENT = {"trigger": "plc.eye", "trigger_wait_ms": 20_000.0}
LIMIT_S = 20.0


def mark(station):
    return station.apply(Command("c1", "caps.reject", True, 2**62, "d1"))


async def test_a_good_part_passes_and_a_defect_is_critical(make_line):
    async with make_line().running() as line:
        await line.until_told("severity", 0.0)
        line.fake.defect = "stain"
        await line.until_told("severity", 2.0)
        assert line.notes.newest("severity").text == "critical"
        assert line.notes.newest("anomaly").value == 4.0
        assert line.station.health().state == "connected"


async def test_one_batch_holds_every_reading_in_order(make_line):
    async with make_line(codes=True, **REJECT).running() as line:
        await line.until_told("severity", 0.0)
        names = [info.id for info in line.station.sensors()]
        batch = next(each for each in line.notes.batches if len(each) == len(names))
        assert [reading.sensor for reading in batch] == names


async def test_codes_in_the_picture_are_a_reading_with_their_text(make_line):
    line = make_line(codes=True)
    line.station._looking._codes = lambda picture: ("PART-4711",)
    async with line.running():
        await line.until(
            lambda: (line.notes.newest("code") or 0) and line.notes.newest("code").text, "a code"
        )
        told = line.notes.newest("code")
        assert (told.text, told.value >= 1) == ("PART-4711", True)


async def test_a_reader_of_codes_that_raises_costs_no_verdict(make_line):
    line = make_line(codes=True)

    def read(picture):
        raise MemoryError("zxing gave up")

    line.station._looking._codes = read
    async with line.running():
        await line.until_told("severity", 0.0)
        line.fake.defect = "stain"
        await line.until_told("severity", 2.0)
        await line.until(lambda: line.station.status().codes_failed >= 2, "it is counted")


async def test_a_verdict_does_not_wait_for_its_codes(make_line):
    line = make_line(codes=True)
    asked, held = threading.Event(), threading.Event()

    def read(picture):
        asked.set()
        assert held.wait(LIMIT_S)
        return ("PART-4711",)

    line.station._looking._codes = read
    line.looker.score = 4.0
    async with line.running():
        await line.until_told("severity", 2.0)
        await line.until(asked.is_set, "the codes are read")
        assert line.notes.newest("code").text == ""
        held.set()
        await line.until(lambda: line.notes.newest("code").text == "PART-4711", "they follow")
        batch = next(each for each in line.notes.batches if each[-1].text == "PART-4711")
        assert [reading.sensor for reading in batch] == ["caps.code"]


async def test_the_debounce_asks_for_agreement(make_line):
    async with make_line(needed=3, of=3).running() as line:
        await line.until_told("severity", 0.0)
        line.looker.score = 4.0
        await line.until_told("severity", 2.0)
        told = [
            reading.value
            for batch in line.notes.batches
            for reading in batch
            if reading.sensor == "caps.anomaly"
        ]
        assert told.count(4.0) >= 3


async def test_a_finding_without_a_trigger_counts_as_one_part(make_line):
    async with make_line().running() as line:
        await line.until_told("severity", 0.0)
        assert line.notes.newest("part").value == 0.0
        line.looker.score = 4.0
        await line.until_told("part", 1.0)
        line.looker.score = 0.0
        await line.until_told("severity", 0.0)
        line.looker.score = 4.0
        await line.until_told("part", 2.0)


@pytest.mark.parametrize("fault", ["freeze", "black"])
async def test_a_camera_that_is_no_use_makes_the_readings_bad_and_says_why(make_line, fault):
    async with make_line().running() as line:
        await line.until_told("severity", 0.0)
        line.fake.fault = fault
        await line.until_bad("severity")
        await line.until(lambda: line.station.health().fault, "the fault is told")
        assert line.station.health().state == "connected"  # marks must still get through
        line.fake.fault = None
        await line.until_told("severity", 0.0)
        await line.until(lambda: not line.station.health().fault, "the fault is over")


async def test_a_lost_camera_makes_the_readings_bad_again_and_again(make_line):
    async with make_line().running() as line:
        await line.until_told("severity", 0.0)
        line.fake.lose("cable pulled")
        await line.until_bad("severity")
        count = len(line.notes.batches)
        await line.until(lambda: len(line.notes.batches) > count + 1, "it is said again")
        assert line.notes.newest("severity").quality is Quality.BAD
        line.fake.restore()
        await line.until_told("severity", 0.0)


@pytest.mark.parametrize(
    "error",
    [PictureRefused("it is too small"), InferenceError("the NPU fell off"), ZeroDivisionError()],
)
async def test_an_inspection_that_fails_is_told_and_costs_only_its_frame(make_line, error):
    async with make_line().running() as line:
        await line.until_told("severity", 0.0)
        line.looker.error = error
        await line.until_bad("severity")
        assert str(error) in line.station.health().fault
        line.looker.error = None
        await line.until_told("severity", 0.0)
        assert line.station.status().failed >= 1


async def test_a_score_that_is_no_number_is_bad(make_line):
    async with make_line().running() as line:
        line.looker.score = float("nan")
        await line.until_bad("severity")
        assert "no judgement" in line.station.health().fault


async def test_without_a_bundle_it_is_lost_with_the_reason_until_one_is_used(make_line):
    line = make_line()
    line.station.using.use(None, "its bundle was refused: truncated")
    async with line.running():
        await line.until(lambda: line.station.health().state == "lost", "it is lost")
        assert "truncated" in line.station.health().message
        await line.until_bad("severity")
        line.station.using.use(line.in_use("caps-2"))
        await line.until_told("severity", 0.0)
        assert line.station.using.version == "caps-2"


async def test_a_new_bundle_is_not_late_because_there_was_none_before_it(make_line):
    line = make_line(**REJECT)
    line.station.using.use(None, "it was not taught yet")
    async with line.running():
        await line.until(lambda: line.station.health().state == "lost", "nobody looks")
        line.clock.leap(3600.0)
        told = len(line.notes.batches)
        await line.until(lambda: len(line.notes.batches) > told + 3, "a beat went by")
        line.looker.hold.clear()
        line.station.using.use(line.in_use())
        told = len(line.notes.batches)
        await line.until(lambda: len(line.notes.batches) > told + 2, "beats went by")
        assert line.station.health().fault == ""
        line.looker.hold.set()
        await line.until_told("severity", 0.0)


async def test_frames_that_nobody_had_time_for_are_counted(make_line):
    async with make_line().running() as line:
        await line.until_told("severity", 0.0)
        line.looker.hold.clear()
        number = line.camera.newest(0, 1.0).number
        await line.until(
            lambda: line.camera.newest(0, 0).number > number + 5, "the camera films on"
        )
        line.looker.hold.set()
        await line.until(lambda: line.station.tally.frames_skipped >= 4, "they are counted")


async def test_its_figures_say_what_it_looks_with_how_long_it_takes_and_what_it_found(make_line):
    line = make_line()
    backends = [
        BackendStatus("tensorrt", "failed", "out of memory", 3, 0, 1.0),
        BackendStatus("litert-xnnpack", "serving", "", 9, 0, 1.0),
    ]
    line.station.using.use(
        msgspec.structs.replace(line.in_use("caps-2"), backends=lambda: backends)
    )
    async with line.running():
        await line.until_told("severity", 0.0)
        line.fake.defect = "stain"
        await line.until_told("severity", 2.0)
        status = line.station.status()
    assert (status.backend, status.backend_why) == ("litert-xnnpack", "tensorrt: out of memory")
    assert 0.0 < status.inspect_p50_ms <= status.inspect_p99_ms
    assert status.criticals >= 1
    assert status.warnings == 0


async def test_each_finding_that_passed_is_told_and_no_other(make_line):
    line = make_line()
    passed = []
    line.station.watch_passes(passed.append)
    async with line.running():
        await line.until(lambda: passed, "a pass is told")
        line.fake.defect = "stain"
        await line.until_told("severity", 2.0)
    assert {each.severity for each in passed} == {Severity.PASS}
    assert all(each.picture is not None for each in passed)


class TestTrigger:
    async def test_one_rise_is_one_part(self, make_line):
        async with make_line(**PATIENT).running() as line:
            await line.until(lambda: line.camera.newest(0, 0), "the camera films")
            for number in (1.0, 2.0):
                line.trigger(0.0)
                line.trigger(1.0)
                line.trigger(1.0)
                await line.until_told("part", number)
            assert line.looker.seen == 2

    async def test_the_first_state_is_no_part(self, make_line):
        async with make_line(**PATIENT).running() as line:
            await line.until(lambda: line.camera.newest(0, 0), "the camera films")
            line.trigger(1.0)
            line.trigger(0.0)
            line.trigger(1.0)
            await line.until_told("part", 1.0)
            assert line.looker.seen == 1

    async def test_the_frame_was_exposed_after_the_trigger(self, make_line):
        async with make_line(**PATIENT, trigger_delay_ms=100.0).running() as line:
            await line.until(lambda: line.camera.newest(0, 0), "the camera films")
            line.trigger(0.0)
            at_ns = line.clock.mono_ns()
            line.trigger(1.0)
            await line.until_told("part", 1.0)
            number = line.notes.newest("frame").value
            assert line.station.finding(number).exposed_ns >= at_ns + 100_000_000

    async def test_the_verdict_stands_until_the_next_part(self, make_line):
        async with make_line(**PATIENT).running() as line:
            await line.until(lambda: line.camera.newest(0, 0), "the camera films")
            line.trigger(0.0)
            line.trigger(1.0)
            await line.until_told("severity", 0.0)
            count = len(line.notes.batches)
            await line.until(lambda: len(line.notes.batches) > count, "it is told again")
            assert line.notes.newest("severity").value == 0.0
            assert line.notes.newest("part").value == 1.0

    async def test_a_part_without_a_picture_is_a_part_that_nobody_knows(self, make_line):
        async with make_line(trigger="plc.eye", trigger_wait_ms=50.0).running() as line:
            await line.until(lambda: line.camera.newest(0, 0), "the camera films")
            line.fake.fault = "stall"
            await line.until(
                lambda: line.camera.newest(line.camera.newest(0, 0).number, 0.2) is None,
                "the camera stalls",
            )
            line.trigger(0.0)
            line.trigger(1.0)
            await line.until_told("part", 1.0)
            await line.until_bad("severity")
            assert line.station.status().missed == 1


class TestReject:
    """The way to the gate takes minutes, and the clock leaps over them: no stall can miss it."""

    async def test_the_part_that_was_judged_is_told_at_the_gate(self, make_line):
        async with make_line(**REJECT).running() as line:
            await line.until_told("at_reject", 0.0)
            await mark(line.station)
            assert line.station.status().reject_waiting == 1
            line.clock.leap(FAR_S)
            await line.until_told("at_reject", 1.0)
            line.clock.leap(HOLD_S)
            await line.until_told("at_reject", 0.0)
            status = line.station.status()
            assert (status.reject_passed, status.reject_lost) == (1, 0)

    async def test_an_unmarking_changes_nothing(self, make_line):
        async with make_line(**REJECT).running() as line:
            await line.until_told("at_reject", 0.0)
            await line.station.apply(Command("c1", "caps.reject", False, 2**62, "d1"))
            assert line.station.status().reject_waiting == 0

    async def test_a_lost_camera_leaves_the_parts_on_their_way(self, make_line):
        async with make_line(**REJECT).running() as line:
            await line.until_told("at_reject", 0.0)
            await mark(line.station)
            line.fake.lose()
            await line.until_bad("severity")
            assert line.notes.newest("at_reject").quality is Quality.GOOD
            line.clock.leap(FAR_S)
            await line.until_told("at_reject", 1.0)

    async def test_a_part_that_cannot_be_rejected_is_a_fault_and_its_gate_unknown(self, make_line):
        """The box stalled for longer than the part was at the gate."""
        async with make_line(**REJECT).running() as line:
            await line.until_told("at_reject", 0.0)
            await mark(line.station)
            line.clock.leap(FAR_S + HOLD_S)
            await line.until_bad("at_reject")
            await line.until(
                lambda: "a marked part cannot be rejected" in line.station.health().fault, "a fault"
            )
            assert line.station.status().reject_lost == 1
            line.clock.leap(HOLD_S)
            await line.until_told("at_reject", 0.0)
            await line.until(lambda: not line.station.health().fault, "the fault is over")

    async def test_an_encoder_that_is_lost_leaves_the_part_to_the_safe_action(self, make_line):
        by_belt = {"encoder": "belt.position", "distance_mm": 100.0, "length_mm": 20.0}
        async with make_line(reject=by_belt).running() as line:
            await line.until_told("severity", 0.0)
            stream = Stream("belt.position", "mm", 60_000)
            stream.update(0.0, Quality.GOOD, line.clock.mono_ns())
            line.station.on_belt(stream)
            at_ns = line.clock.mono_ns()

            def filmed_since():
                finding = line.station.finding(line.notes.newest("frame").value)
                return finding is not None and finding.exposed_ns > at_ns

            await line.until(filmed_since, "a part was filmed since")
            await mark(line.station)
            assert line.station.status().reject_waiting == 1
            line.clock.leap(120.0)  # the encoder tells no more; the camera does
            await line.until_bad("at_reject")
            await line.until(lambda: "cannot be rejected" in line.station.health().fault, "a fault")
            assert line.station.status().reject_lost == 1
            await line.until_told("severity", 0.0)  # what is judged goes on

    async def test_each_finding_of_a_burst_marks_its_own_part(self, make_line):
        reject = {"reject": {"delay_ms": 60_000.0, "hold_ms": 0.001}}
        async with make_line(**reject).running() as line:
            await line.until_told("at_reject", 0.0)
            marked = []

            def then(values):
                if "severity" in values and len(marked) < 5:
                    marked.append(values["frame"])
                    mark(line.station)

            line.notes.then = then
            await line.until(lambda: len(marked) == 5, "five were marked")
            assert line.station.status().reject_waiting == 5

    async def test_there_is_no_other_output(self, make_line):
        async with make_line().running() as line:
            with pytest.raises(Unsupported):
                line.station.apply(Command("c1", "caps.reject", True, 2**62, "d1"))
