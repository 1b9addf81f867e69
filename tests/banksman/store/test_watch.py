"""What people must know of the store, and when the box may not act."""

from __future__ import annotations

import pytest

from banksman.config.schema_services import StoreSettings
from banksman.status import StoreStatus
from banksman.store.watch import CALM_LOOKS, StoreWatch, conditions
from banksman.wire.messages import Priority

SETTINGS = StoreSettings()


class Heard:
    """Alarms and the word to disarm, as they came."""

    def __init__(self) -> None:
        self.active: dict[str, Priority] = {}
        self.raised: list[str] = []
        self.disarmed: list[str] = []
        self.status = StoreStatus()
        self.watch = StoreWatch(lambda: self.status, SETTINGS, self, self.disarmed.append)

    def raise_alarm(self, key: str, text: str, priority: Priority, cause: str) -> None:
        self.active[key] = priority
        self.raised.append(key)

    def clear_alarm(self, key: str) -> None:
        del self.active[key]

    def see(self, **fields) -> None:
        self.status = StoreStatus(**fields)
        self.watch.look()


def test_a_healthy_store_is_no_alarm():
    heard = Heard()
    heard.see(state="ok", waits_s={"critical": 5, "background": 10**9})
    assert (heard.active, heard.disarmed) == ({}, [])


def test_full_of_what_is_never_shed_is_a_critical_alarm_and_the_box_does_not_act():
    heard = Heard()
    heard.see(full=True)
    heard.see(full=True)
    assert heard.active == {"store.full": Priority.CRITICAL}
    assert heard.raised == ["store.full"]
    assert len(heard.disarmed) == 1
    assert "never shed" in heard.disarmed[0]
    heard.see(full=False)
    assert heard.active == {}
    assert heard.disarmed[1:] == [""]


def test_memory_half_full_of_what_is_never_shed_disarms_before_anything_is_lost():
    heard = Heard()
    heard.see(state="degraded", precious_in_memory=0.4)
    assert heard.disarmed == []
    heard.see(state="degraded", message="the disk is full", precious_in_memory=0.5)
    assert "the disk is full" in heard.disarmed[0]
    assert "store.full" in heard.active


def test_each_shed_is_told_once_and_is_over_after_a_while_without():
    heard = Heard()
    heard.see(dropped={"normal_shed": 3})
    heard.see(dropped={"normal_shed": 9})
    assert heard.raised == ["store.shed"]
    for _ in range(CALM_LOOKS):
        heard.see(dropped={"normal_shed": 9, "rows_pruned": 4})
    assert heard.active == {}
    heard.see(dropped={"normal_shed": 9, "readings_expired": 1})
    assert heard.raised == ["store.shed", "store.shed"]


@pytest.mark.parametrize("what", ["rows_pruned", "readings_pruned", "rows_bundled"])
def test_what_costs_nobody_a_record_is_no_shedding(what):
    heard = Heard()
    heard.see(dropped={what: 1000})
    assert heard.active == {}


def test_rows_that_do_not_open_are_an_alarm_that_names_how_many():
    found = conditions(StoreStatus(unreadable=7), SETTINGS)
    assert found["store.unreadable"].text.startswith("7 stored records do not open")


def test_records_that_could_not_be_written_are_an_alarm_that_ends_when_there_are_no_more():
    heard = Heard()
    heard.see(dropped={"rows_unencodable": 1})
    heard.see(dropped={"rows_unencodable": 1, "readings_unencodable": 2})
    assert heard.active == {"store.unencodable": Priority.IMPORTANT}
    for _ in range(CALM_LOOKS):
        heard.see(dropped={"rows_unencodable": 1, "readings_unencodable": 2})
    assert heard.active == {}
    assert heard.raised == ["store.unencodable"]


def test_a_record_that_waits_over_its_deadline_is_an_alarm():
    waits = {"critical": 3601, "important": 86_399, "normal": 10**9}
    assert list(conditions(StoreStatus(waits_s=waits), SETTINGS)) == ["store.overdue.critical"]
