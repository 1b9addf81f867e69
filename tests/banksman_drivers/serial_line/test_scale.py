"""Scales on a line: asked, sending by themselves, told to tare; and what they refuse."""

import asyncio
import math
import time

import pytest

from banksman_drivers.fake.serial_pty import LineFaults
from banksman_drivers.fake.serial_scale import FakeScale
from banksman_drivers.ports import Command, CommandExpired, CommandFailed, Quality
from banksman_drivers.settings.scale import ScaleOutput, ScalePoint, ScaleSettings

POINTS = [
    ScalePoint(name="weight", field="weight", unit="g"),
    ScalePoint(name="stable", field="stable", unit="flag"),
    ScalePoint(name="overload", field="overload", unit="flag"),
    ScalePoint(name="underload", field="underload", unit="flag"),
    ScalePoint(name="tare", field="tare", unit="kg"),
    ScalePoint(name="net", field="net", unit="flag"),
    ScalePoint(name="bad_frames", field="bad_frames"),
]
OUTPUTS = [
    ScaleOutput(name="tare_it", action="tare", safe=False),
    ScaleOutput(name="zero_it", action="zero", safe=False),
]


@pytest.fixture
async def scale(plugged, tmp_path):
    scale = plugged(FakeScale(tmp_path / "usb-scale"))
    scale.load = 1.5
    return scale


def settings(folder, **more):
    given = {"protocol": "mt_sics", "poll_ms": 5, "output": OUTPUTS, **more}
    return ScaleSettings(
        driver="scale",
        id="scale",
        port=str(folder / "usb-scale"),
        back_off_max_ms=50,
        pause_ms=50,
        point=POINTS,
        **given,
    )


def command(output, value=True, within_s=30.0):
    return Command("c1", f"scale.{output}", value, time.monotonic_ns() + int(within_s * 1e9), "t")


@pytest.mark.parametrize("asked", ["SI", "S", "SIR"])
async def test_a_weight_comes_in_the_unit_that_the_point_declares(run, scale, tmp_path, asked):
    bench = run(settings(tmp_path, command=asked))
    weight = await bench.good("weight")
    assert (weight.value, weight.unit, weight.quality) == (1500, "g", Quality.GOOD)
    assert bench.newest["stable"].value == 1


async def test_a_load_in_motion_is_uncertain(run, scale, tmp_path):
    bench = run(settings(tmp_path))
    scale.state = "D"
    assert (await bench.good("weight")).quality is Quality.UNCERTAIN
    assert bench.newest["stable"].value == 0


@pytest.mark.parametrize(("state", "point"), [("+", "overload"), ("-", "underload")])
async def test_a_load_out_of_range_is_bad_and_has_a_flag(run, scale, tmp_path, state, point):
    bench = run(settings(tmp_path))
    scale.state = state
    await bench.until(lambda: point in bench.newest and bench.newest[point].value == 1)
    assert bench.newest["weight"].quality is Quality.BAD
    assert math.isnan(bench.newest["weight"].value)
    assert bench.driver.health().state == "connected"
    assert bench.newest["bad_frames"].value == 0


async def test_a_busy_scale_has_no_weight_and_is_no_fault(run, scale, tmp_path):
    bench = run(settings(tmp_path))
    scale.state = "I"
    await bench.until(lambda: "weight" in bench.newest)
    assert bench.newest["weight"].quality is Quality.BAD
    assert bench.driver.health().fault == ""


async def test_a_unit_that_is_no_weight_is_a_fault_that_is_named(run, scale, tmp_path):
    scale.unit = "PCS"
    bench = run(settings(tmp_path))
    await bench.until(lambda: "'PCS'" in bench.driver.health().fault)


async def test_tare_and_zero_are_done_when_the_scale_says_so(run, scale, tmp_path):
    bench = run(settings(tmp_path))
    await bench.connected()
    await bench.driver.apply(command("tare_it"))
    await bench.driver.apply(command("zero_it"))
    assert scale.carried_out == ["T", "Z"]


async def test_false_does_nothing_and_a_stop_makes_the_scale_do_nothing(run, scale, tmp_path):
    bench = run(settings(tmp_path))
    await bench.connected()
    await bench.driver.apply(command("tare_it", value=False))
    await bench.driver.to_safe()
    assert scale.carried_out == []


@pytest.mark.parametrize("refusal", ["I", "+", "-", "ES", "EL"])
async def test_what_the_scale_refuses_has_failed_with_its_reason(run, scale, tmp_path, refusal):
    bench = run(settings(tmp_path, poll_ms=60_000))
    await bench.connected()
    scale.refusing = refusal
    with pytest.raises(CommandFailed, match=r"scale\.tare_it: the "):
        await bench.driver.apply(command("tare_it"))
    assert scale.carried_out == []


async def test_a_late_answer_is_never_taken_for_that_of_the_next_order(run, scale, tmp_path):
    bench = run(settings(tmp_path, timeout_ms=300))
    await bench.connected()
    scale.slow = True
    with pytest.raises(CommandFailed, match=r"scale\.tare_it"):
        await bench.driver.apply(command("tare_it"))
    await bench.until(lambda: scale.cancelled > 0)
    await bench.connected()
    scale.answer_late()  # nothing: it was told to forget
    with pytest.raises(CommandFailed, match=r"scale\.tare_it"):
        await bench.driver.apply(command("tare_it"))


async def test_an_order_that_waited_too_long_is_not_sent(run, scale, tmp_path):
    bench = run(settings(tmp_path))
    await bench.connected()
    scale.slow = True
    first = asyncio.ensure_future(bench.driver.apply(command("tare_it")))
    second = asyncio.ensure_future(bench.driver.apply(command("zero_it", within_s=0.5)))
    await bench.until(lambda: scale.carried_out == ["T"])
    expires = time.monotonic_ns() + 500_000_000
    await bench.until(lambda: time.monotonic_ns() > expires)
    scale.answer_late()
    await first
    with pytest.raises(CommandExpired):
        await second
    assert scale.carried_out == ["T"]


async def test_a_scale_that_is_unplugged_fails_the_order_on_its_way(run, scale, tmp_path):
    bench = run(settings(tmp_path, timeout_ms=60_000))
    await bench.connected()
    scale.slow = True
    order = asyncio.ensure_future(bench.driver.apply(command("tare_it")))
    await bench.until(lambda: scale.carried_out == ["T"])
    scale.unplug()
    with pytest.raises(CommandFailed, match=r"scale\.tare_it"):
        await order


async def test_a_scale_that_does_not_answer_is_lost_and_comes_back(run, scale, tmp_path):
    bench = run(settings(tmp_path, timeout_ms=50))
    await bench.connected()
    scale.pty.faults = LineFaults(deaf=True)
    await bench.until(lambda: bench.driver.health().state == "lost")
    assert bench.newest["weight"].quality is Quality.BAD
    scale.pty.faults = LineFaults()
    await bench.connected()
    assert (await bench.good("weight")).value == 1500


async def test_a_wrong_baud_rate_is_lost_with_the_advice_to_check_it(run, plugged, tmp_path):
    scale = plugged(FakeScale(tmp_path / "usb-scale", baud=9600))
    bench = run(settings(tmp_path, baud=2400, silence_ms=200, timeout_ms=50, output=[]))

    def told():
        scale.pty.send(b"S S     12.34 kg\r\n")
        return "baud" in bench.driver.health().message

    await bench.until(told)
    assert all(reading.quality is Quality.BAD for reading in bench.said("weight"))


@pytest.mark.parametrize("checksum", [False, True])
async def test_continuous_output_is_read(run, scale, tmp_path, checksum):
    bench = run(settings(tmp_path, protocol="toledo", checksum=checksum, output=[]))
    scale.tare = 0.5

    def told():
        if not scale.pty.unread_bytes:
            scale.send_toledo(checksum=checksum)
        return "weight" in bench.newest and bench.newest["weight"].quality is Quality.GOOD

    await bench.until(told)
    newest = bench.newest
    assert newest["weight"].value == pytest.approx(1000)
    assert newest["tare"].value == pytest.approx(0.5)
    assert newest["net"].value == 1


async def test_a_wrong_checksum_is_bad_and_counted(run, scale, tmp_path):
    bench = run(settings(tmp_path, protocol="toledo", checksum=True, output=[]))

    def told():
        if not scale.pty.unread_bytes:
            scale.send_toledo(checksum=False)
        return bench.newest.get("bad_frames") and bench.newest["bad_frames"].value > 0

    await bench.until(told)
    assert bench.newest["weight"].quality is Quality.BAD


async def test_continuous_output_that_stops_is_lost(run, scale, tmp_path):
    bench = run(settings(tmp_path, protocol="toledo", silence_ms=100, output=[]))

    def connected():
        if not scale.pty.unread_bytes:
            scale.send_toledo()
        return bench.driver.health().state == "connected"

    await bench.until(connected)
    await bench.until(lambda: bench.driver.health().state == "lost")
    assert "nothing" in bench.driver.health().message
