"""What of a batch can be kept, and the reason why not."""

from __future__ import annotations

import msgspec
import pytest
from cloud_batches import (
    NODE,
    WALL_NS,
    alarm,
    audit,
    batch,
    block,
    checked,
    decision,
    picture,
    raw,
    report,
    result,
)
from hypothesis import given
from hypothesis import strategies as st

from banksman.wire.uplink import BATCH_ITEMS_MAX, Item
from banksman_cloud.ingest.checking import (
    BadBatch,
    Checked,
    RawItem,
    check,
    decode,
)
from banksman_cloud.kinds import Kind


def refusal(*items: Item) -> str:
    into = checked(*items)
    assert len(into.refused) == 1
    return into.refused[0].why


def changed(item: Item, **fields) -> Item:
    return msgspec.structs.replace(item, **fields)


def test_every_kind_of_the_wire_has_its_place():
    into = checked(
        decision(1), alarm(2), audit(3), block(4, 9), picture(10), report(11, 1, 0),
        result(12, "order-1"),
    )  # fmt: skip
    assert (into.count, into.refused) == (7, [])
    assert [record.kind for record in into.plain] == [Kind.DECISION, Kind.AUDIT]
    assert [into.blocks[0].first, into.blocks[0].last] == [4, 9]


def test_a_bad_item_is_refused_by_its_id_and_its_neighbours_are_kept():
    into = checked(decision(1), changed(decision(2), body=b"{"), decision(3))
    assert [record.id for record in into.plain] == [f"{NODE}-1-1", f"{NODE}-1-3"]
    assert [one.id for one in into.refused] == [f"{NODE}-1-2"]


def test_a_kind_of_a_newer_box_is_refused_and_not_misread():
    fields = msgspec.structs.asdict(decision(1))
    into = Checked()
    check([RawItem(**{**fields, "kind": "hologram"})], into)
    assert "hologram is not known" in into.refused[0].why


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "a-b-c",
        "press-1",
        "press-x-1",
        "press-1-x",
        "-1-1",
        "press-1-1 ",
        "press--1",
        "p-1-1\n",
        "p-1-²",
        f"p-{2**25}-1",
        f"p-1-{2**38}",
        "p" * 300 + "-1-1",
    ],
)
def test_an_id_that_is_none_is_refused(name):
    assert "its id" in refusal(changed(block(1, 2), id=name, last_id=""))


def test_a_node_whose_name_has_hyphens_and_numbers_has_ids_too():
    into = checked(decision(7, node="press-3-12"), node="press-3-12")
    assert into.plain[0].number == (1, 7)


def test_a_body_of_another_id_is_refused():
    assert "another id" in refusal(changed(decision(1), id=f"{NODE}-1-2"))


@pytest.mark.parametrize("fields", [{"wall_ns": -1}, {"wall_ns": 2**63}])
def test_a_time_that_no_database_holds_is_refused(fields):
    assert "out of range" in refusal(changed(decision(1), **fields))


@pytest.mark.parametrize("last", [f"{NODE}-1-3", f"{NODE}-2-9", "nonsense"])
def test_a_run_that_ends_before_it_begins_is_refused(last):
    assert refusal(changed(block(4, 9), last_id=last))


def test_an_empty_block_is_refused():
    assert "empty" in refusal(block(1, 2, b""))


def test_a_picture_that_is_no_jpeg_is_refused():
    assert "no JPEG" in refusal(picture(1, b"<svg onload=alert(1)>"))


def test_a_body_that_is_too_large_is_refused():
    assert "bytes" in refusal(decision(1, reason="x" * 70_000))


def test_a_report_whose_versions_are_out_of_order_is_refused():
    assert "out of order" in refusal(report(1, 2, 3))


def test_a_nul_in_a_text_reaches_no_database():
    into = checked(alarm(1, key="a\0b", text="c\0d"))
    assert "\0" not in into.alarms[0].record.type + into.alarms[0].record.words


def test_a_reason_is_short_and_printable():
    into = Checked()
    check([RawItem(f"{NODE}-1-1", "\x1b[2J" + "x" * 9999, 2, WALL_NS, b"")], into)
    assert into.refused[0].why.isprintable()
    assert len(into.refused[0].why) < 300


def test_a_batch_of_another_node_than_its_sender_is_refused():
    with pytest.raises(BadBatch) as refused:
        decode(raw(decision(1), node="other"), NODE)
    assert refused.value.status == 403


def test_too_many_items_must_be_cut():
    item = RawItem("p-1-1", "audit", 2, 1, b"")
    data = msgspec.msgpack.encode(
        msgspec.structs.replace(batch(), items=[item] * (BATCH_ITEMS_MAX + 1))
    )
    with pytest.raises(BadBatch) as refused:
        decode(data, NODE)
    assert refused.value.status == 413


@given(st.binary(max_size=200))
def test_garbage_is_no_batch_and_never_a_fault(data):
    with pytest.raises(BadBatch):
        decode(data, NODE)


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_batch_is_refused_or_is_another_one(at, byte):
    data = bytearray(raw(decision(1), alarm(2)))
    data[at % len(data)] = byte
    try:
        decoded = decode(bytes(data), NODE)
    except BadBatch:
        return
    into = Checked()
    check(decoded.items, into)
    assert into.count + len(into.refused) == len(decoded.items)


@given(
    st.text(max_size=30), st.text(max_size=12), st.integers(-(2**63), 2**64 - 1),
    st.integers(-5, 9), st.binary(max_size=60), st.text(max_size=30),
)  # fmt: skip
def test_whatever_an_item_is_it_is_kept_or_refused(name, kind, wall_ns, priority, body, last):
    into = Checked()
    check([RawItem(name, kind, priority, wall_ns, body, last)], into)
    assert into.count + len(into.refused) == 1
