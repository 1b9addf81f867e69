"""Whatever happens to the disk, control goes on, and it is said what is wrong and what to do."""

import asyncio
import os
import random
import subprocess

import pytest

TMPFS_BYTES = 6_000_000
FLOOR_BYTES = 3_000_000
PAGE_BYTES = 4096
TRIPS = """\
[[trip]]
name = "flood"
kind = "process"
cause = "plc.level > 900"
outputs = ["plc.valve"]

[[trip]]
name = "drought"
kind = "process"
cause = "plc.level < -1"
outputs = ["plc.valve"]
"""


@pytest.fixture
def small_disk(box):
    """A disk of its own for the store, which fills up soon."""
    box.store.mkdir(mode=0o700)
    size = f"size={TMPFS_BYTES},mode=0700"
    command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(box.store)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no mount command")
    if mounted.returncode:
        pytest.skip(f"a disk that fills up needs root: {mounted.stderr.strip()}")
    yield box.store
    subprocess.run(["umount", "--lazy", str(box.store)], check=True)


def remount(folder, how):
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def fill(folder):
    """Leave no byte free."""
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(65536))
        except OSError:
            return


def leave(folder, free):
    """Leave so many bytes free."""
    disk = os.statvfs(folder)
    size = disk.f_bavail * disk.f_frsize - free
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        for _ in range(size // PAGE_BYTES):
            ballast.write(bytes(PAGE_BYTES))


async def acts(box, plc):
    """It still decides and writes: the valve opens and closes."""
    plc.memory.holding[0] = 600
    await box.until(lambda: plc.memory.coils[0] == 1, "the valve opens")
    plc.memory.holding[0] = 0
    await box.until(lambda: plc.memory.coils[0] == 0, "the valve closes")


async def test_a_corrupt_database_is_set_aside_and_said_and_a_new_one_begun(box, plc):
    box.store.mkdir(mode=0o700)
    garbage = random.Random(1).randbytes(50_000)
    (box.store / "banksman.db").write_bytes(garbage)

    await box.start()

    status = await box.until_status(lambda status: status["readiness"]["ready"], "ready")
    (name,) = status["store"]["set_aside"]
    assert (box.store / name).read_bytes() == garbage
    assert name in status["store"]["message"]
    assert name in box.log()
    await acts(box, plc)
    await box.until_decision("close_valve")


async def trip_and_stop(box, plc):
    """A run that ends with the trip ``flood`` latched; then its cause goes away."""
    box.write(TRIPS)
    plc.memory.holding[0] = 950
    await box.start()
    await box.until_trip("flood", latched=True)
    await box.until_audit("interlock tripped")
    assert await box.stop() == 0
    plc.memory.holding[0] = 600


def damage(database, page_with):
    """Overwrite the database's last page that holds these bytes."""
    data = bytearray(database.read_bytes())
    start = data.rindex(page_with) // PAGE_BYTES * PAGE_BYTES
    data[start : start + PAGE_BYTES] = random.Random(2).randbytes(PAGE_BYTES)
    database.write_bytes(data)


async def test_a_latched_trip_is_saved_out_of_a_database_damaged_elsewhere(box, plc):
    await trip_and_stop(box, plc)
    damage(box.store / "banksman.db", b"the level is 950")

    await box.start()

    status = await box.until_status(lambda status: status["readiness"]["ready"], "ready")
    assert status["store"]["set_aside"][0] in box.log()
    latches = {trip["name"]: (trip["latched"], trip["cause"]) for trip in status["trips"]}
    assert latches == {"flood": (True, "plc.level over 900"), "drought": (False, "")}
    assert plc.memory.coils[0] == 0


async def test_where_the_record_of_trips_is_damaged_every_trip_is_latched_and_can_be_reset(
    box, plc
):
    await trip_and_stop(box, plc)
    damage(box.store / "banksman.db", b"latched trips")

    await box.start()

    status = await box.until_status(lambda status: status["readiness"]["ready"], "ready")
    assert status["store"]["set_aside"]
    assert [trip["latched"] for trip in status["trips"]] == [True, True]
    assert {alarm["key"] for alarm in status["alarms"]} == {"trip.flood", "trip.drought"}
    assert "look at the machine" in status["trips"][1]["cause"]
    csrf = await box.log_in()
    for name in ("flood", "drought"):
        code, answer = await box.post(f"/api/v1/trips/{name}/reset", csrf=csrf)
        assert code == 200, answer
    await box.until_audit("interlock reset")
    await box.kill()
    await box.start()
    await box.until_trip("flood", latched=False)
    await box.until_trip("drought", latched=False)


async def test_on_a_full_disk_control_goes_on_and_the_store_recovers_with_room(
    box, plc, small_disk
):
    await box.start()
    await box.until_decision("close_valve")
    fill(small_disk)

    status = await box.until_status(lambda status: status["store"]["state"] != "ok", "degraded")

    assert status["store"]["message"]
    assert not status["readiness"]["ready"]
    plc.memory.holding[0] = 600
    await box.until(lambda: plc.memory.coils[0] == 1, "the valve opens")
    await box.until_decision("open_valve")  # from memory: it is shown, though not yet kept
    (small_disk / "ballast").unlink()
    await box.until_status(lambda status: status["readiness"]["ready"], "ready again")
    assert (await box.until_decision("open_valve"))["reason"] == "the level is 600, over 500"
    assert await box.stop() == 0


async def test_a_disk_that_others_fill_puts_outputs_safe_until_there_is_room_and_a_person_says_so(
    box, plc, small_disk
):
    floor = f"free_floor_mb = {FLOOR_BYTES / 1e6}"
    box.config.write_text(box.config.read_text().replace("free_floor_mb = 0.0", floor))
    await box.start()
    csrf = await box.log_in()
    plc.memory.holding[0] = 600
    await box.until(lambda: plc.memory.coils[0] == 1, "the valve opens")

    leave(small_disk, FLOOR_BYTES // 2)

    await box.until_status(
        lambda status: [True for trip in status["trips"] if trip["latched"]], "disarmed"
    )
    await box.until_trip("store.full", latched=True)
    await box.until(lambda: plc.memory.coils[0] == 0, "the valve is put safe")
    code, answer = await box.post("/api/v1/trips/store.full/reset", csrf=csrf)
    assert code == 409, answer
    (small_disk / "ballast").unlink()
    await box.until_status(lambda status: not status["store"]["full"], "there is room")
    assert plc.memory.coils[0] == 0, "room alone frees nothing"

    async def freed():
        code, _ = await box.post("/api/v1/trips/store.full/reset", csrf=csrf)
        return code == 200

    async with asyncio.timeout(40):
        while not await freed():  # the watch looks once a second
            await asyncio.sleep(0.05)
    await box.until_trip("store.full", latched=False)
    plc.memory.holding[0] = 0
    await box.until_decision("close_valve")
    await acts(box, plc)  # a new decision opens it
    status = await box.until_status(lambda status: status["readiness"]["ready"], "ready")
    assert not any(name.startswith("critical") for name in status["store"]["dropped"])
    assert await box.stop() == 0


async def test_it_starts_on_a_full_disk_and_its_epoch_still_grows(box, plc, small_disk):
    await box.start()
    status = await box.until_status(lambda status: status["store"]["durable_mark"], "durable")
    epoch = status["store"]["epoch"]
    await box.stop()
    fill(small_disk)

    await box.start()

    status = await box.until_status(lambda status: status["store"]["epoch"], "an epoch")
    assert status["store"]["epoch"] > epoch
    await acts(box, plc)


async def test_it_starts_on_a_read_only_disk_and_says_so(box, plc, small_disk):
    remount(small_disk, "ro")

    await box.start()

    status = await box.until_status(lambda status: status["store"]["state"] != "ok", "degraded")
    assert "read" in status["store"]["message"]
    await acts(box, plc)
    remount(small_disk, "rw")
    await box.until_status(lambda status: status["readiness"]["ready"], "ready with a better disk")


async def test_two_daemons_never_share_a_store(box):
    await box.start()
    second = await box.command("run", "--config", str(box.config))
    assert second.code == 4
    assert "in use by another banksman" in second.err
    status = await box.get("/api/v1/status")
    assert status["store"]["state"] == "ok"


async def test_what_it_keeps_may_be_read_by_its_own_user_only(box):
    await box.start()
    await box.until_status(lambda status: status["store"]["durable_mark"], "durable")
    await box.log_in()
    loose = {
        path.name: oct(path.stat().st_mode & 0o777)
        for path in box.store.rglob("*")
        if path.stat().st_mode & 0o077
    }
    assert loose == {}
    assert box.store.stat().st_mode & 0o777 == 0o700
    assert (box.store / "operator.password").stat().st_uid == os.getuid()
