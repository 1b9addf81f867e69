"""The control thread: its inbox, its end, and drivers that break."""

import asyncio
import threading

import pytest

from banksman.control_thread import INBOX_CALLS, ControlThread, InboxFull
from banksman_drivers.bridge import ThreadStuck
from banksman_drivers.ports import CommandFailed, DeviceHealth, Driver, OutputInfo


class Pace:
    """A rate keeper that only stands there."""

    async def run(self):
        await asyncio.Event().wait()


class Loop:
    """Five steps that nobody takes."""

    def __init__(self):
        self.finished = 0

    def finish(self):
        self.finished += 1


class Act:
    async def close(self):
        pass


class Alarms:
    def __init__(self):
        self.raised = {}
        self.rang = threading.Event()

    def raise_alarm(self, key, text, priority, cause):
        self.raised[key] = text
        self.rang.set()

    def clear_alarm(self, key):
        self.raised.pop(key, None)


class Hand(Driver):
    id = "plc"

    def __init__(self, breaks=None, safe_error=None):
        self.breaks, self.safe_error, self.safe = breaks, safe_error, 0

    def sensors(self):
        return []

    def outputs(self):
        return [OutputInfo("plc.run", False, "", "none")]

    async def run(self, sink):
        if self.breaks:
            raise self.breaks
        await asyncio.Event().wait()

    async def apply(self, command):
        pass

    def health(self):
        return DeviceHealth("plc", "hand", "connected", "", 0)

    async def to_safe(self):
        self.safe += 1
        if self.safe_error:
            raise self.safe_error


@pytest.fixture
def make_thread():
    made = []

    def make(*drivers, armed=True):
        thread = ControlThread(Loop(), Act(), Pace(), drivers, Alarms(), armed=armed)
        made.append(thread)
        thread.start()
        return thread

    yield make
    for thread in made:
        thread.stop(5)


def test_a_call_runs_on_the_control_thread_and_its_result_comes_back(make_thread):
    thread = make_thread()
    assert thread.call(lambda: threading.current_thread().name).result(5) == "control"


def test_an_error_of_a_call_belongs_to_the_caller(make_thread):
    thread = make_thread()

    def broken():
        raise KeyError("no such trip")

    with pytest.raises(KeyError):
        thread.call(broken).result(5)
    assert thread.call(lambda: 1).result(5) == 1


def test_a_full_inbox_refuses_at_once_and_counts(make_thread):
    thread = make_thread()
    held = threading.Event()
    thread.call(held.wait)

    def flood():
        for _ in range(INBOX_CALLS + 2):
            thread.call(lambda: None)

    with pytest.raises(InboxFull):
        flood()
    assert thread.refused_calls == 1
    held.set()


def test_a_driver_that_breaks_is_told_and_the_others_go_on(make_thread):
    thread = make_thread(Hand(breaks=RuntimeError("a bug")))
    assert thread._alarms.rang.wait(5)
    assert "a bug" in thread._alarms.raised["driver.plc"]
    assert thread.call(lambda: 1).result(5) == 1


def test_stopping_an_armed_box_puts_its_outputs_safe(make_thread):
    hand = Hand()
    assert make_thread(hand).stop(5)
    assert hand.safe == 1


def test_stopping_an_observing_box_writes_nothing(make_thread):
    hand = Hand()
    assert make_thread(hand, armed=False).stop(5)
    assert hand.safe == 0


def test_an_output_that_cannot_be_put_safe_does_not_keep_the_thread(make_thread):
    assert make_thread(Hand(safe_error=CommandFailed("gone"))).stop(5)


class Stuck(Hand):
    """Its device holds its thread in a call, so that it cannot end as it should."""

    def __init__(self):
        super().__init__()
        self.runs = 0

    async def run(self, sink):
        self.runs += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ThreadStuck("the thread bus-1 does not end") from None


def test_a_driver_that_cannot_end_is_named_and_not_begun_again(make_thread, caplog):
    driver = Stuck()
    thread = make_thread(driver)
    assert thread.stop(20)
    assert thread.error is None
    assert driver.runs == 1
    assert "the thread bus-1 does not end" in caplog.text


def test_what_waits_to_be_recorded_is_put_down_at_the_end(make_thread):
    thread = make_thread(Hand())
    assert thread.stop(20)
    assert thread.error is None
    assert thread._control.finished == 1
