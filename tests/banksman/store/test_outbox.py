"""Decisions, alarms and audit entries: durable at once, owed until acknowledged."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from banksman.store.unencodable import KEPT_MOST
from banksman.wire.messages import DecisionMessage, Priority


async def test_rows_come_by_priority_and_then_age(open_store, make_decision, make_alarm, until):
    store = open_store()
    wanted = {}
    for priority in (Priority.NORMAL, Priority.CRITICAL, Priority.BACKGROUND, Priority.CRITICAL):
        decision = make_decision(store)
        wanted[decision.id] = priority
        store.records.put_decision(decision, priority)
    alarm = make_alarm(store, "oven")
    wanted[alarm.id] = alarm.priority
    store.put_alarm(alarm)
    await until(lambda: sum(store.status().outbox_depth.values()) == 5, "all five durable")
    rows = await store.next_rows("mqtt", 10)
    ids = list(wanted)
    assert [row.id for row in rows] == sorted(ids, key=lambda i: (wanted[i], ids.index(i)))
    assert [row.kind for row in rows] == ["decision", "decision", "alarm", "decision", "decision"]
    assert [row.id for row in await store.next_rows("mqtt", 2)] == [row.id for row in rows[:2]]


async def test_an_acknowledged_row_is_not_handed_out_again(open_store, make_decision, until):
    store = open_store()
    for _ in range(3):
        store.records.put_decision(make_decision(store), Priority.NORMAL)
    await until(lambda: store.status().outbox_depth["normal"] == 3, "three durable")
    first, second, third = await store.next_rows("mqtt", 10)
    await store.acknowledge_rows("mqtt", [first.row_id, third.row_id])
    assert await store.next_rows("mqtt", 10) == [second]
    await until(lambda: store.status().outbox_depth["normal"] == 1, "struck off on disk")
    assert await store.next_rows("mqtt", 10) == [second]


async def test_a_restart_sends_what_was_not_acknowledged_with_the_same_ids_and_bytes(
    open_store, make_decision, make_alarm, make_audit
):
    store = open_store()
    store.records.put_decision(make_decision(store), Priority.NORMAL)
    store.put_alarm(make_alarm(store, "oven"))
    store.put_audit(make_audit(store))
    assert store.stop()
    again = open_store()
    before = await again.next_rows("mqtt", 10)
    assert len(before) == 3
    await again.acknowledge_rows("mqtt", [before[0].row_id])
    assert again.stop()
    assert await open_store().next_rows("mqtt", 10) == before[1:]


async def test_every_channel_is_owed_each_row(open_store, make_decision, until):
    store = open_store(channels=("mqtt", "cloud"))
    store.records.put_decision(make_decision(store), Priority.NORMAL)
    await until(lambda: store.status().outbox_depth["normal"] == 1, "durable")
    (row,) = await store.next_rows("mqtt", 5)
    await store.acknowledge_rows("mqtt", [row.row_id])
    assert await store.next_rows("mqtt", 5) == []
    assert await store.next_rows("cloud", 5) == [row]


async def test_decisions_are_paged_newest_first(open_store, make_decision, until):
    store = open_store()
    ids = []
    for _ in range(25):
        decision = make_decision(store)
        ids.append(decision.id)
        store.records.put_decision(decision, Priority.NORMAL)
        store.records.put_audit("login", "anna", {})
    await until(lambda: store.status().outbox_depth["normal"] == 25, "durable")
    newest = await store.decisions(10)
    assert [message.id for message in newest] == ids[:-11:-1]
    older = await store.decisions(100, newest[-1].id)
    assert [message.id for message in older] == ids[14::-1]
    assert await store.decisions(5, "press-1-999") == []
    assert await store.decisions(5, "nonsense") == []


async def test_a_decision_comes_back_whole_with_nan_as_null(open_store, make_decision):
    store = open_store()
    decision = make_decision(store, inputs={"plc.oven": float("nan"), "plc.door": 1.0})
    store.records.put_decision(decision, Priority.NORMAL)
    store.stop()
    (message,) = await open_store().decisions(1)
    assert isinstance(message, DecisionMessage)
    assert message.inputs == {"plc.oven": None, "plc.door": 1.0}
    assert (message.id, message.reason, message.rule) == (decision.id, "too hot", "oven_hot")


async def test_alarms_are_the_newest_state_per_key_until_over(open_store, make_alarm):
    store = open_store()
    store.put_alarm(make_alarm(store, "oven"))
    store.put_alarm(make_alarm(store, "door"))
    store.put_alarm(make_alarm(store, "oven", acknowledged=True, by="anna"))
    store.put_alarm(make_alarm(store, "door", active=False, acknowledged=True))
    store.stop()
    again = open_store()
    (oven,) = await again.alarms()
    assert (oven.key, oven.acknowledged, oven.by) == ("oven", True, "anna")
    assert len(await again.next_rows("mqtt", 10)) == 4


async def test_audit_entries_come_newest_first(open_store, make_audit, make_decision, until):
    store = open_store()
    store.put_audit(make_audit(store, "arm"))
    store.records.put_decision(make_decision(store), Priority.NORMAL)
    store.records.put_audit("reset", "anna", {"trip": "oven"})
    await until(lambda: store.status().outbox_depth["normal"] == 1, "durable")
    await until(lambda: store.status().outbox_depth["important"] == 2, "durable")
    entries = await store.audit(5)
    assert [(entry.event, entry.by) for entry in entries] == [("reset", "anna"), ("arm", "anna")]
    assert len({entry.id for entry in entries}) == 2


async def test_a_reason_that_is_no_text_is_counted_and_stops_nobody(
    open_store, make_decision, until
):
    store = open_store()
    store.records.put_decision(make_decision(store, reason="\ud800"), Priority.NORMAL)
    store.records.put_decision(make_decision(store), Priority.NORMAL)
    await until(lambda: store.status().outbox_depth["normal"] == 1, "the good one durable")
    assert store.status().dropped == {"rows_unencodable": 1}


@pytest.mark.parametrize(
    "fault", [{"reason": "\ud800"}, {"inputs": {"plc.oven": 10**400}}, {"wall_ns": 10**30}]
)
async def test_what_cannot_be_written_is_set_aside_counted_and_told_in_the_audit(
    fault, open_store, make_decision, folder, until
):
    store = open_store()
    bad = make_decision(store, **fault)
    store.records.put_decision(bad, Priority.CRITICAL)
    await until(lambda: store.status().unreadable == 1, "set aside")
    await until(lambda: store.status().outbox_depth["important"] == 1, "told")
    (told,) = await store.audit(5)
    assert (told.event, told.by) == ("record_unencodable", "store")
    assert told.details["record"] == bad.id
    assert told.details["kind"] == "decision"
    assert told.details["why"]
    store.stop()

    with contextlib.closing(sqlite3.connect(folder / "banksman.db")) as db:
        ((place, name, data),) = db.execute("SELECT place, name, data FROM aside").fetchall()
    assert (place, name) == ("intake", bad.id)
    assert b"too hot" in data or b"ud800" in data, "what is left of it is kept"
    assert open_store().status().unreadable == 1, "and stays over a restart"


async def test_a_flood_of_what_cannot_be_written_is_counted_whole_and_told_a_few_times(
    open_store, make_decision, until
):
    store = open_store()
    for _ in range(1200):
        store.records.put_decision(make_decision(store, reason="\ud800"), Priority.CRITICAL)
    await until(lambda: store.status().dropped.get("rows_unencodable") == 1200, "all counted")
    await until(lambda: store.status().unreadable == KEPT_MOST, "some are kept")
    await until(lambda: store.status().outbox_depth["important"] == 4, "told of")
    told = [entry.details["count"] for entry in await store.audit(10)]
    assert told == ["1000", "100", "10", "1"]


async def test_a_row_whose_id_no_batch_can_carry_is_set_aside_and_the_others_are_handed_out(
    open_store, make_decision, folder, until
):
    store = open_store()
    for _ in range(3):
        store.records.put_decision(make_decision(store), Priority.NORMAL)
    await until(lambda: store.status().outbox_depth["normal"] == 3, "durable")
    store.stop()
    with contextlib.closing(sqlite3.connect(folder / "banksman.db")) as db, db:
        db.execute(
            "UPDATE journal SET id = CAST(x'ff41' AS TEXT) WHERE row_id = "
            "(SELECT row_id FROM journal ORDER BY row_id LIMIT 1 OFFSET 1)"
        )
    again = open_store()
    rows = await again.next_rows("mqtt", 5)
    assert len(rows) == 2
    assert all(row.id.startswith("press-") for row in rows)
    await until(lambda: again.status().unreadable == 1, "set aside")
    await until(lambda: again.status().outbox_depth["normal"] == 2, "nobody waits for it")


async def test_a_listener_that_fails_stops_nobody(open_store, make_decision, until):
    store = open_store()

    def fail() -> None:
        raise RuntimeError

    heard: list[int] = []
    store.listen(fail)
    store.listen(lambda: heard.append(1))
    store.records.put_decision(make_decision(store), Priority.NORMAL)
    await until(lambda: heard, "the second listener called")
    assert len(await store.next_rows("mqtt", 5)) == 1


async def test_rows_can_be_asked_for_by_class(open_store, make_alarm, make_audit, until):
    store = open_store(channels=("cloud",))
    alarm = make_alarm(store, "hot", priority=Priority.CRITICAL)
    audit = make_audit(store)
    store.put_audit(audit)
    store.put_alarm(alarm)
    await until(lambda: sum(store.rows_owed("cloud").values()) == 2, "both durable")

    critical = await store.next_rows("cloud", 10, (Priority.CRITICAL,))
    others = await store.next_rows("cloud", 10, (Priority.IMPORTANT, Priority.BACKGROUND))

    assert [row.id for row in critical] == [alarm.id]
    assert [row.id for row in others] == [audit.id]
    assert await store.next_rows("cloud", 10, (Priority.NORMAL,)) == []
    owed = store.rows_owed("cloud")
    assert (owed[Priority.CRITICAL], owed[Priority.IMPORTANT]) == (1, 1)
