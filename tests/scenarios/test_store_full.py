"""A quota full of records that are never shed: the box says so, and writes safe values only."""

import random

import pytest

from banksman.clock import SystemClock
from banksman.config.schema_services import StoreSettings
from banksman.store.store import Store
from banksman.wire.messages import AlarmMessage, Priority

QUOTA_MB = 16
RECORDS = 2800  # of 8 kB that do not compress
TRIP = "store.full"


@pytest.fixture
def quota(box):
    """The box has a small quota, and an endpoint that nobody serves: rows are owed to it."""
    text = box.config.read_text()
    text = text.replace("free_floor_mb = 0.0", f"free_floor_mb = 0.0\nquota_mb = {QUOTA_MB}")
    box.config.write_text(text + '\n[cloud]\nurl = "http://127.0.0.1:9"\n[sync]\nenabled = true\n')


async def fill(folder, until):
    settings = StoreSettings(folder=str(folder), quota_mb=1000, free_floor_mb=0)
    store = Store.open(settings, "box", SystemClock(), ("cloud",))
    store.start()
    printable = bytes(range(35, 92)) + bytes(range(93, 127))
    scribble = bytes(printable[number % len(printable)] for number in range(256))
    noise = random.Random(5)
    for number in range(RECORDS):
        text = noise.randbytes(8000).translate(scribble).decode()
        store.put_alarm(
            AlarmMessage(
                store.ids.next(),
                "box",
                f"old.{number % 10}",
                text,
                Priority.CRITICAL,
                active=False,
                acknowledged=True,
                wall_ns=1,
                mono_ns=2,
                boot_id="boot",
            )
        )
    await until(lambda: sum(store.rows_owed("cloud").values()) == RECORDS, "durable")
    assert store.stop()


async def acknowledge_all(folder):
    settings = StoreSettings(folder=str(folder), quota_mb=1000, free_floor_mb=0)
    store = Store.open(settings, "box", SystemClock(), ("cloud",))
    store.start()
    rows = await store.next_rows("cloud", 10_000)
    await store.acknowledge_rows("cloud", [row.row_id for row in rows])
    assert store.stop()
    return len(rows)


def tripped(status):
    return [trip["latched"] for trip in status["trips"] if trip["name"] == TRIP]


async def test_a_box_that_can_record_no_more_puts_its_outputs_safe_until_a_person_frees_them(
    box, plc, quota, until
):
    await fill(box.store, until)
    plc.memory.holding[0] = 600  # the valve wants to be open

    await box.start()

    await box.until_status(lambda status: tripped(status) == [True], "disarmed")
    await box.until(lambda: plc.memory.coils[0] == 0, "the valve is put safe")
    status = await box.until_status(
        lambda status: {"store.full", f"trip.{TRIP}"} <= {a["key"] for a in status["alarms"]},
        "a person is told",
    )
    assert status["store"]["full"]
    assert "never shed" in status["store"]["message"]
    assert not any(name.startswith("critical") for name in status["store"]["dropped"])
    csrf = await box.log_in()
    code, answer = await box.post(f"/api/v1/trips/{TRIP}/reset", csrf=csrf)
    assert code == 409, answer
    assert plc.memory.coils[0] == 0
    await box.stop()

    assert await acknowledge_all(box.store) >= RECORDS, "none of them was lost"
    await box.start()

    status = await box.until_status(lambda status: not status["store"]["full"], "there is room")
    (trip,) = status["trips"]
    assert (trip["name"], trip["latched"]) == (TRIP, True), "room alone frees nothing"
    assert plc.memory.coils[0] == 0
    code, session = await box.post("/api/v1/session", {"password": "correct horse battery"})
    assert code == 200, session
    code, answer = await box.post(f"/api/v1/trips/{TRIP}/reset", csrf=session["csrf"])
    assert code == 200, answer
    await box.until_trip(TRIP, latched=False)
    plc.memory.holding[0] = 0
    await box.until_decision("close_valve")
    plc.memory.holding[0] = 601
    await box.until(lambda: plc.memory.coils[0] == 1, "a new decision opens it")
