"""One chip's turns, with time in the test's hands."""

from concurrent.futures import Future

import pytest

from banksman_drivers.fake.i2c_bus import FakeBus
from banksman_drivers.fake.i2c_chips import FakeAds1115, FakeMcp23017
from banksman_drivers.i2c.asks import WriteBlock
from banksman_drivers.i2c.faults import BusFault
from banksman_drivers.i2c.make import make_chip, make_collector
from banksman_drivers.i2c.reports import Gone, Polled
from banksman_drivers.i2c.station import Order, Station
from banksman_drivers.i2c.wire import Wire
from banksman_drivers.ports import CommandExpired, CommandFailed
from banksman_drivers.settings.i2c import I2cSettings

LAMP = {"name": "lamp", "channel": "gpa0", "safe": False}


class Stand:
    """A station on a wire, turned by hand."""

    def __init__(self, ticks, chip, address, model, **options):
        self.ticks = ticks
        self.bus = FakeBus()
        self.model = model
        self.seat = self.bus.put(address, model)
        self.settings = I2cSettings(
            driver="i2c", id="device", chip=chip, address=address, **options
        )
        self.chip = make_chip(self.settings, drive=True)
        self.station = Station(self.settings, self.chip, make_collector(self.settings), ticks)
        self.wire = Wire(self.bus.open("/dev/i2c-1"), ticks)

    def turns(self, limit=60):
        """Turn while it is due; every report."""
        reports = []
        for _ in range(limit):
            if self.station.due_ns() > self.ticks.now_ns:
                break
            report = self.station.turn(self.wire.transfer)
            self.ticks.advance(50e-6)
            if report is not None:
                reports.append(report)
        return reports

    def order(self, on, expires_ns=None, safe=False):
        steps = self.chip.make_safe if safe else lambda: self.chip.write("gpa0", on)
        order = Order("device.lamp", steps, safe, expires_ns, Future())
        self.station.orders.append(order)
        return order.done


@pytest.fixture
def pins(bench):
    return Stand(bench.ticks, "mcp23017", 0x20, FakeMcp23017(), output=[LAMP])


def test_a_poll_keeps_its_schedule(pins):
    assert len(pins.turns()) == 1
    first_ns = pins.station.due_ns()
    for number in range(1, 5):
        pins.ticks.now_ns = first_ns + (number - 1) * 100_000_000
        assert len(pins.turns()) == 1
        assert pins.station.due_ns() == first_ns + number * 100_000_000


def test_a_lost_chip_is_not_asked_before_its_back_off(pins):
    pins.turns()
    pins.seat.absent = True
    pins.ticks.advance(0.1)
    (gone,) = pins.turns()
    assert isinstance(gone, Gone)
    asked = pins.bus.transfers
    pins.ticks.advance(0.05)
    assert pins.turns() == []
    assert pins.bus.transfers == asked


def test_back_offs_grow_with_jitter_and_start_anew_after_a_poll(pins):
    pins.seat.absent = True
    waits = []
    for _ in range(8):
        (gone,) = pins.turns()
        assert isinstance(gone, Gone)
        waits.append(pins.station.due_ns() - pins.ticks.now_ns)
        pins.ticks.now_ns = pins.station.due_ns()
    assert waits[0] <= 200_000_000
    assert waits[-1] >= 2_000_000_000
    assert max(waits) <= 5_000_000_000
    pins.seat.absent = False
    assert isinstance(pins.turns()[0], Polled)
    assert pins.station.back_off.waits == 0


def test_an_order_goes_before_the_next_poll_and_is_not_interleaved(pins):
    pins.turns()
    done = pins.order(True)
    writes = len(pins.bus.writes)
    pins.turns()
    assert done.result(0) is None
    assert pins.model.drives(0) is True
    assert len(pins.bus.writes) == writes + 1


def test_an_order_that_comes_too_late_is_not_written(pins):
    pins.turns()
    done = pins.order(True, expires_ns=pins.ticks.now_ns - 1)
    pins.turns()
    with pytest.raises(CommandExpired, match=r"device\.lamp"):
        done.result(0)
    assert pins.model.drives(0) is False


def test_an_order_for_a_lost_chip_fails_at_once_with_the_reason(pins):
    pins.seat.absent = True
    pins.turns()
    done = pins.order(True)
    pins.turns()
    with pytest.raises(CommandFailed, match="nobody answers at 0x20"):
        done.result(0)


def test_a_chip_lost_in_the_middle_of_an_order_fails_the_order(pins):
    pins.turns()
    done = pins.order(True)

    def cut(address, ask):
        if isinstance(ask, WriteBlock):
            raise BusFault("line", "cable pulled")
        return pins.wire.transfer(address, ask)

    assert isinstance(pins.station.turn(cut), Gone)
    with pytest.raises(CommandFailed, match="cable pulled"):
        done.result(0)


def test_a_safe_order_starts_a_chip_that_was_never_started(pins):
    pins.station.polling = False
    done = pins.order(False, safe=True)
    pins.turns()
    assert done.result(0) is None
    assert pins.model.drives(0) is False
    assert pins.station.due_ns() > pins.ticks.now_ns


def test_an_order_that_nobody_waits_for_is_dropped(pins):
    pins.turns()
    assert pins.order(True).cancel()
    pins.turns()
    assert pins.model.drives(0) is False


def test_every_waiting_order_is_answered_when_the_chip_is_lost(pins):
    pins.turns()
    waiting = [pins.order(True) for _ in range(5)]
    pins.station.lose("the bus is stuck")
    for done in waiting:
        with pytest.raises(CommandFailed, match="stuck"):
            done.result(0)


def test_at_the_end_what_was_switched_on_goes_safe_and_what_waits_is_answered(pins):
    pins.turns()
    pins.order(True)
    pins.turns()
    waiting = pins.order(True)
    pins.station.finish(pins.wire.transfer)
    assert pins.model.drives(0) is False
    with pytest.raises(CommandFailed, match="let go"):
        waiting.result(0)


def test_a_chip_that_waits_for_a_conversion_is_not_due(bench):
    volts = [{"name": "a", "channel": "a0", "unit": "V"}]
    model = FakeAds1115(bench.ticks)
    stand = Stand(bench.ticks, "ads1115", 0x48, model, rate_hz=8, poll_ms=200, point=volts)
    assert stand.turns() == []
    assert stand.station.due_ns() - stand.ticks.now_ns > 100_000_000
    stand.ticks.now_ns = stand.station.due_ns()
    assert isinstance(stand.turns()[0], Polled)


def test_polls_that_were_missed_are_counted_not_made_up(pins):
    pins.turns()
    pins.ticks.advance(10)
    pins.turns()
    pins.ticks.advance(0.2)
    (polled,) = pins.turns(limit=4)
    assert polled.skipped >= 90
