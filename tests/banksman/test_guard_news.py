"""What the guard's events become: doubt, alarms, log lines."""

import logging

import pytest

from banksman.guard_news import LINES_PER_S, GuardNews
from banksman.wire.messages import Priority
from banksman_drivers.guard.values import GuardEvent


class Alarms:
    def __init__(self):
        self.active = {}

    def raise_alarm(self, key, text, priority, cause):
        self.active[key] = (text, priority, cause)

    def clear_alarm(self, key):
        self.active.pop(key, None)


class Acting:
    def __init__(self):
        self.doubted = []

    def doubt(self, device):
        self.doubted.append(device)


@pytest.fixture
def alarms():
    return Alarms()


@pytest.fixture
def news(alarms):
    made = GuardNews(alarms)
    made.act = Acting()
    return made


def event(kind, name="left", text="left and right disagree", mono_ns=5):
    return GuardEvent(kind, name, text, mono_ns)


def test_channels_that_disagree_are_a_critical_alarm_until_they_agree(news, alarms):
    news.take(event("discrepancy"))
    told = ("left and right disagree", Priority.CRITICAL, "guard")
    assert alarms.active == {"guard.discrepancy.left": told}
    news.take(event("agreed"))
    assert alarms.active == {}


def test_a_discrepancy_after_the_trip_is_an_alarm_all_the_same(news, alarms):
    """One channel opens and trips; the welded other shows later, and no second trip tells of it."""
    news.take(event("tripped", text="left is open"))
    news.take(event("discrepancy"))
    assert "guard.discrepancy.left" in alarms.active


def test_a_reset_does_not_clear_a_discrepancy(news, alarms):
    news.take(event("discrepancy"))
    news.take(event("reset", "reset"))
    assert "guard.discrepancy.left" in alarms.active


@pytest.mark.parametrize("kind", ["tripped", "lease_expired"])
def test_what_the_guard_dropped_is_no_longer_believed_to_be_on(news, kind):
    news.take(event(kind))
    assert news.act.doubted == ["guard"]


def test_a_chattering_contact_does_not_fill_the_log(news, caplog):
    caplog.set_level(logging.INFO)
    for _ in range(100):
        news.take(event("opened"))
    news.take(event("opened", mono_ns=2_000_000_000))
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == LINES_PER_S + 2
    assert f"{100 - LINES_PER_S} more events" in lines[-2]
