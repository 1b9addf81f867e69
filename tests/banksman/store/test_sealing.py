"""Sealed payloads: nothing readable on the disk, nothing changed unseen, no nonce twice."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.errors import StoreError
from banksman.store.sealing import HEAD, Seal, Unreadable, load_seal, place
from banksman.wire.messages import Priority

KEY, OTHER = bytes(range(32)), bytes(range(32, 64))
DATABASE = "banksman.db"
SECRET = "the recipe of bath seven"


@pytest.fixture
def fill(make_decision, make_batch, make_alarm, until):
    """A decision, an alarm, a small value and readings that hold the secret, all on the disk."""

    async def put(store):
        store.records.put_decision(make_decision(store, reason=SECRET), Priority.NORMAL)
        store.put_alarm(make_alarm(store, "oven", text=SECRET))
        store.save_state("latches", SECRET.encode())
        for _ in range(20):
            store.records.put_readings("plc", make_batch(**{SECRET: 1.0}))
        await until(lambda: store.status().outbox_depth["normal"] == 1, "durable")
        await until(lambda: store._parts.tail.unfolded_count() == 0, "folded")

    return put


def on_disk(folder):
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


async def test_nothing_of_a_payload_can_be_read_from_any_file(folder, open_store, fill):
    store = open_store(seal=Seal([KEY]))
    await fill(store)
    assert SECRET.encode() not in on_disk(folder)
    store.stop()
    assert SECRET.encode() not in on_disk(folder)


async def test_a_killed_stores_spool_holds_nothing_readable_and_comes_back(
    folder, open_store, make_batch, until, tmp_path
):
    store = open_store(seal=Seal([KEY]), block_s=60.0)
    store.records.put_readings("plc", make_batch(**{SECRET: 1.0}))
    await until(lambda: store.status().durable_mark, "spooled")
    spooled = {path.name: path.read_bytes() for path in folder.glob("*.spool")}
    assert any(spooled.values())
    assert SECRET.encode() not in b"".join(spooled.values())
    killed = tmp_path / "killed"
    killed.mkdir()
    for name, content in spooled.items():
        (killed / name).write_bytes(content)
    again = open_store(at=killed, seal=Seal([KEY]))
    (row,) = await again.readings_after("mqtt", 0, 10)
    assert SECRET.encode() in row.payload


async def test_what_was_sealed_opens_after_a_restart(open_store, fill):
    store = open_store(seal=Seal([KEY]))
    await fill(store)
    before = await store.next_rows("mqtt", 10)
    readings = await store.readings_after("mqtt", 0, 100)
    store.stop()
    again = open_store(seal=Seal([KEY]))
    assert await again.next_rows("mqtt", 10) == before
    assert await again.readings_after("mqtt", 0, 100) == readings
    assert again.load_state("latches") == SECRET.encode()
    assert [alarm.text for alarm in await again.alarms()] == [SECRET]
    assert (await again.decisions(5))[0].reason == SECRET
    assert again.status().unreadable == 0
    assert "AES-256-GCM" in again.status().sealing
    assert KEY.hex()[:8] not in again.status().sealing


async def test_a_new_key_seals_and_the_old_one_still_opens(folder, open_store, fill):
    store = open_store(seal=Seal([KEY]))
    await fill(store)
    store.stop()
    again = open_store(seal=Seal([OTHER, KEY]))
    await fill_more(again)
    assert len(await again.next_rows("mqtt", 10)) == 3
    again.stop()
    third = open_store(seal=Seal([OTHER, KEY]))
    assert len(await third.next_rows("mqtt", 10)) == 3
    assert third.status().unreadable == 0


async def fill_more(store):
    store.records.put_audit("reset", "anna", {})
    while sum(store.rows_owed("mqtt").values()) < 3:
        store._writer._parts.intake.call()


async def test_rows_under_a_lost_key_are_set_aside_and_said_and_the_rest_goes_on(
    open_store, fill, make_decision, until
):
    store = open_store(seal=Seal([KEY]))
    await fill(store)
    store.stop()
    again = open_store(seal=Seal([OTHER]))
    assert again.state_lost, "unknown means stopped: the trips must count as latched"
    decision = make_decision(again)
    again.records.put_decision(decision, Priority.NORMAL)
    await until(lambda: again.status().outbox_depth["normal"] == 2, "the new one is kept")
    assert [row.id for row in await again.next_rows("mqtt", 10)] == [decision.id]
    assert await again.readings_after("mqtt", 0, 100) == []
    await until(lambda: again.status().unreadable >= 4, "row, alarm, value, block set aside")
    await until(lambda: sum(again.rows_owed("mqtt").values()) == 1, "and owed no more")
    assert again.status().state == "ok"


async def test_with_the_key_back_what_was_set_aside_is_sent_with_its_ids(open_store, fill, until):
    store = open_store(seal=Seal([KEY]))
    await fill(store)
    before = await store.next_rows("mqtt", 10)
    store.stop()
    without = open_store(seal=Seal())
    assert await without.next_rows("mqtt", 10) == []
    await until(lambda: not sum(without.rows_owed("mqtt").values()), "set aside")
    without.stop()
    again = open_store(seal=Seal([KEY]))
    assert await again.next_rows("mqtt", 10) == before
    assert again.load_state("latches") == SECRET.encode()


def change(folder, statement, *values):
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute(statement, values)
        connection.commit()


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE journal SET payload = substr(payload, 1, length(payload) - 1) || x'00'",
        "UPDATE journal SET payload = substr(payload, 1, 20)",
        "UPDATE journal SET kind = 2",
        "UPDATE journal SET id = 'press-1-999'",
        'UPDATE journal SET payload = \'{"id":"press-1-1"}\'',
        "UPDATE journal SET row_id = row_id + 1000",
    ],
)
async def test_a_row_that_was_tampered_with_is_set_aside(
    tampering, folder, open_store, make_decision, until
):
    store = open_store(seal=Seal([KEY]))
    store.records.put_decision(make_decision(store), Priority.NORMAL)
    store.stop()
    change(folder, tampering)
    change(folder, "UPDATE owed SET row_id = (SELECT row_id FROM journal)")
    again = open_store(seal=Seal([KEY]))
    assert await again.next_rows("mqtt", 10) == []
    await until(lambda: again.status().unreadable == 1, "set aside")
    decision = make_decision(again)
    again.records.put_decision(decision, Priority.NORMAL)
    await until(lambda: sum(again.rows_owed("mqtt").values()) == 1, "the rest goes on")
    assert [row.id for row in await again.next_rows("mqtt", 10)] == [decision.id]


async def test_two_rows_that_were_swapped_are_both_set_aside(
    folder, open_store, make_decision, until
):
    store = open_store(seal=Seal([KEY]))
    for reason in ("hot", "cold"):
        store.records.put_decision(make_decision(store, reason=reason), Priority.NORMAL)
    store.stop()
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as connection:
        (one, hot), (two, cold) = connection.execute("SELECT row_id, payload FROM journal")
        connection.execute("UPDATE journal SET payload = ? WHERE row_id = ?", (cold, one))
        connection.execute("UPDATE journal SET payload = ? WHERE row_id = ?", (hot, two))
        connection.commit()
    again = open_store(seal=Seal([KEY]))
    assert await again.next_rows("mqtt", 10) == []
    await until(lambda: again.status().unreadable == 2, "both set aside")


async def test_a_block_that_was_tampered_with_is_skipped_and_the_next_one_comes(
    folder, open_store, make_batch, until
):
    store = open_store(seal=Seal([KEY]))
    for count in (1, 2):
        store.records.put_readings("plc", make_batch(oven=float(count)))
        await until(lambda count=count: store._writer.ledger.ordinal == count, "a block of its own")
    store.stop()
    change(folder, "UPDATE blocks SET data = x'00' WHERE first = (SELECT min(first) FROM blocks)")
    again = open_store(seal=Seal([KEY]))
    (row,) = await again.readings_after("mqtt", 0, 10)
    assert b"2.0" in row.payload
    await until(lambda: again.status().unreadable == 1, "set aside")


async def test_records_from_before_the_first_key_are_still_read(open_store, fill):
    store = open_store()
    await fill(store)
    before = await store.next_rows("mqtt", 10)
    store.stop()
    again = open_store(seal=Seal([KEY]))
    assert await again.next_rows("mqtt", 10) == before
    assert again.load_state("latches") == SECRET.encode()
    assert again.status().unreadable == 0


Places = st.binary(max_size=20)


@given(st.binary(max_size=200), Places)
def test_what_was_sealed_for_a_place_opens_there(data, where):
    seal = Seal([KEY])
    assert Seal([KEY]).open(seal.seal(data, where), where) == data


@given(st.binary(max_size=60), Places, st.data())
@settings(deadline=None)
def test_any_changed_bit_is_noticed(data, where, draw):
    sealed = bytearray(Seal([KEY]).seal(data, where))
    at = draw.draw(st.integers(2, len(sealed) - 1))
    sealed[at] ^= 1 << draw.draw(st.integers(0, 7))
    with pytest.raises(Unreadable):
        Seal([KEY]).open(bytes(sealed), where)


@given(st.binary(max_size=300))
def test_garbage_is_unreadable_and_no_other_error(garbage):
    with pytest.raises(Unreadable):
        Seal([KEY]).open(b"\xb5\x01" + garbage, b"")


def test_no_two_seals_have_the_same_salt_and_counter():
    heads = set()
    for _ in range(50):
        seal = Seal([KEY])
        heads |= {seal.seal(b"x", b"")[: HEAD.size] for _ in range(50)}
    assert len(heads) == 2500


def test_places_cannot_be_confused():
    assert place("journal", 1, 23) != place("journal", 12, 3)
    assert place("state", "a") != place("alarms", "a")


def test_without_a_credential_nothing_is_sealed():
    assert load_seal({}).name == ""


@pytest.mark.parametrize("content", [KEY, KEY.hex().encode(), KEY.hex().encode() + b"\n"])
def test_a_key_is_raw_or_hexadecimal(content, tmp_path):
    (tmp_path / "banksman.store-key").write_bytes(content)
    seal = load_seal({"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert Seal([KEY]).open(seal.seal(b"x", b"here"), b"here") == b"x"


@pytest.mark.parametrize("content", [b"", b"short", b"g" * 64, bytes(33)])
def test_what_is_no_key_is_refused_by_name_and_not_shown(content, tmp_path):
    (tmp_path / "banksman.store-key").write_bytes(content)
    with pytest.raises(StoreError, match=r"banksman\.store-key is no key of 32 bytes"):
        load_seal({"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_a_file_stands_in_where_systemd_seals_no_credentials(tmp_path):
    file = tmp_path / "store-key"
    assert load_seal({"BANKSMAN_STORE_KEY": str(file)}).name == "", "none yet"
    file.write_text(KEY.hex())
    seal = load_seal({"BANKSMAN_STORE_KEY": str(file)})
    assert Seal([KEY]).open(seal.seal(b"x", b"here"), b"here") == b"x"
    file.write_text("")
    with pytest.raises(StoreError, match="store-key is no key of 32 bytes"):
        load_seal({"BANKSMAN_STORE_KEY": str(file)})


def test_beside_a_credential_the_file_only_opens(tmp_path):
    file, other = tmp_path / "store-key", bytes(reversed(KEY))
    file.write_bytes(KEY)
    before = load_seal({"BANKSMAN_STORE_KEY": str(file)}).seal(b"x", b"here")
    (tmp_path / "banksman.store-key").write_bytes(other)
    seal = load_seal({"BANKSMAN_STORE_KEY": str(file), "CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert seal.open(before, b"here") == b"x"
    assert Seal([other]).open(seal.seal(b"y", b"here"), b"here") == b"y"


def test_old_keys_without_the_one_that_seals_are_refused(tmp_path):
    (tmp_path / "banksman.store-key.2025").write_bytes(KEY)
    with pytest.raises(StoreError, match=r"not banksman\.store-key"):
        load_seal({"CREDENTIALS_DIRECTORY": str(tmp_path)})
