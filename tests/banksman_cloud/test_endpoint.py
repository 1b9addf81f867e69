"""What is kept, once, and what boxes and people are told: one contract, both databases."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from cloud_batches import (
    NODE,
    WALL_NS,
    alarm,
    audit,
    block,
    checked,
    decision,
    picture,
    report,
    result,
)

from banksman.wire.uplink import Heartbeat, LinkReport, Receipt, Registration
from banksman_cloud.endpoint import NoSuchNode
from banksman_cloud.kinds import Kind
from banksman_cloud.orders import OPEN_MAX, NotOffered, NotWaiting, TooManyOrders
from banksman_cloud.pictures import PictureFolder
from banksman_cloud.records import SCAN_MAX, BadSearch, Search
from banksman_cloud.shadow import NotSettable, VersionConflict


def heartbeat(node: str = NODE, **fields) -> Heartbeat:
    return Heartbeat(node, WALL_NS, 1, "b", "observe", ready=True, uptime_s=5.0, **fields)


async def count(endpoint, table: str) -> int:
    row = await endpoint.engine.read(lambda db: db.one(f"SELECT count(*) FROM {table}"))
    return row[0]


async def found(endpoint, **wanted) -> list[str]:
    page = await endpoint.search(Search(**{"kind": Kind.DECISION, **wanted}))
    return [str(one.wall_ns - WALL_NS) for one in page.found]


# What is kept.


async def test_a_batch_is_taken_once_and_repeated_ever_after(endpoint):
    items = [decision(n) for n in range(50)]
    assert await endpoint.ingest(NODE, checked(*items)) == Receipt(50)
    assert await endpoint.ingest(NODE, checked(*items)) == Receipt(0, 50)
    assert await count(endpoint, "record") == 50


async def test_a_batch_cut_otherwise_brings_only_what_is_new(endpoint):
    await endpoint.ingest(NODE, checked(*(decision(n) for n in range(10))))
    again = await endpoint.ingest(NODE, checked(*(decision(n) for n in range(5, 25))))
    assert again == Receipt(15, 5)
    assert await count(endpoint, "record") == 25


async def test_an_id_twice_in_one_batch_is_one_record(endpoint):
    assert await endpoint.ingest(NODE, checked(decision(1), decision(1))) == Receipt(1, 1)


async def test_two_nodes_may_have_the_same_ids(endpoint):
    await endpoint.ingest("a", checked(decision(1), node="a"))
    assert await endpoint.ingest("b", checked(decision(1), node="b")) == Receipt(1)


async def test_the_same_batch_from_two_requests_at_once_is_kept_once(endpoint):
    kinds = [decision(1), alarm(2), audit(3), block(4, 9), report(10, 1, 0), picture(11)]
    told = await asyncio.gather(*(endpoint.ingest(NODE, checked(*kinds)) for _ in range(8)))
    assert sum(receipt.taken for receipt in told) == 6
    assert sum(receipt.repeated for receipt in told) == 7 * 6


async def test_an_empty_batch_has_an_empty_receipt(endpoint):
    assert await endpoint.ingest(NODE, checked()) == Receipt(0)


async def runs(endpoint) -> list[tuple[int, ...]]:
    return await endpoint.engine.read(
        lambda db: db.all("SELECT epoch, first, last FROM block ORDER BY epoch, first")
    )


async def test_blocks_are_known_by_their_run_of_ids(endpoint):
    assert await endpoint.ingest(NODE, checked(block(1, 100))) == Receipt(1)
    assert await endpoint.ingest(NODE, checked(block(1, 100), block(20, 30))) == Receipt(0, 2)
    assert await runs(endpoint) == [(1, 1, 100)]


async def test_of_a_block_that_overlaps_only_the_new_part_counts(endpoint):
    await endpoint.ingest(NODE, checked(block(10, 20), block(40, 50)))
    assert await endpoint.ingest(NODE, checked(block(5, 60, b"all of it"))) == Receipt(1)
    assert await runs(endpoint) == [(1, 5, 9), (1, 10, 20), (1, 21, 39), (1, 40, 50), (1, 51, 60)]


async def test_blocks_of_another_epoch_are_others(endpoint):
    await endpoint.ingest(NODE, checked(block(1, 9), block(1, 9, epoch=2)))
    assert await runs(endpoint) == [(1, 1, 9), (2, 1, 9)]


async def test_a_picture_is_kept_whole(endpoint):
    jpeg = b"\xff\xd8\xff" + bytes(range(256)) * 200
    await endpoint.ingest(NODE, checked(picture(1, jpeg)))
    row = await endpoint.engine.read(lambda db: db.one("SELECT size, body FROM picture"))
    assert row == (len(jpeg), jpeg)


async def test_with_a_folder_a_picture_is_a_file_named_by_its_digest(endpoint, tmp_path):
    endpoint._pictures = folder = PictureFolder(tmp_path / "pictures")
    await endpoint.ingest(NODE, checked(picture(1), picture(2)))
    rows = await endpoint.engine.read(lambda db: db.all("SELECT sha256, body FROM picture"))
    assert [row[1] for row in rows] == [None, None]
    assert folder.path(rows[0][0]).read_bytes() == b"\xff\xd8\xff\xe0 a picture"
    assert len([path for path in tmp_path.rglob("pictures/**/*") if path.is_file()]) == 1


# Alarms.


async def test_the_newest_state_of_an_alarm_stands_whatever_the_order(endpoint):
    await endpoint.ingest(NODE, checked(alarm(9, active=False, acknowledged=True)))
    await endpoint.ingest(NODE, checked(alarm(3)))
    assert await endpoint.alarms() == []
    await endpoint.ingest(NODE, checked(alarm(12, text="hot again")))
    assert [one.alarm.text for one in await endpoint.alarms()] == ["hot again"]


async def test_open_alarms_of_all_nodes_the_most_urgent_first(endpoint):
    await endpoint.ingest("a", checked(alarm(1, key="fan", priority=2), node="a"))
    await endpoint.ingest("b", checked(alarm(1, key="fire", priority=0), node="b"))
    assert [(one.node, one.alarm.key) for one in await endpoint.alarms()] == [
        ("b", "fire"),
        ("a", "fan"),
    ]


async def test_an_alarm_that_nobody_acknowledged_is_shown_after_it_is_over(endpoint):
    await endpoint.ingest(NODE, checked(alarm(1, active=False)))
    assert len(await endpoint.alarms()) == 1


# The registry.


async def test_a_node_is_known_from_its_first_word_on(endpoint):
    await endpoint.ingest(NODE, checked(decision(1)))
    await endpoint.heartbeat(heartbeat("other"))
    assert [node.name for node in await endpoint.nodes()] == ["other", NODE]


async def test_the_registry_knows_what_a_node_said_it_is(endpoint, now):
    told = Registration(
        NODE, "Works 2", "hall B", "1.2", "observe", 5, {"model": "Pi 5"}, {"gpu": False},
        [{"id": "plc"}],
    )  # fmt: skip
    await endpoint.register(told)
    details = await endpoint.details(NODE)
    assert details.node.registration == told
    assert details.node.registered_ns == now()


async def test_a_heartbeat_stands_with_the_time_of_its_coming(endpoint, now):
    link = LinkReport("wwan0", metered=True, goodput_mbit=3.5)
    beat = heartbeat(link=link, outbox={"critical": 2})
    await endpoint.heartbeat(beat)
    node = (await endpoint.nodes())[0]
    assert (node.heartbeat, node.heard_ns) == (beat, now())


async def test_a_nodes_wrong_clock_is_noticed(endpoint, now):
    await endpoint.ingest(NODE, checked(decision(1)))
    node = (await endpoint.nodes())[0]
    assert node.clock_off_ns == WALL_NS - now()


async def test_a_node_that_nobody_knows_is_said_to_be_unknown(endpoint):
    for asked in (
        endpoint.details("ghost"),
        endpoint.order("ghost", "ping", {}, 60, "anna"),
        endpoint.desire("ghost", {}, "anna"),
    ):
        with pytest.raises(NoSuchNode, match="ghost"):
            await asked


# Orders.


async def ordered(endpoint, **fields):
    await endpoint.heartbeat(heartbeat())
    return await endpoint.order(NODE, "reload", fields, 600, "anna")


async def test_an_order_comes_with_every_heartbeat_until_its_result(endpoint):
    order = await ordered(endpoint, file="rules.toml")
    for _ in range(3):
        assert (await endpoint.heartbeat(heartbeat())).orders == [order]
    await endpoint.ingest(NODE, checked(result(5, order.id, message="loaded")))
    assert (await endpoint.heartbeat(heartbeat())).orders == []
    state = (await endpoint.details(NODE)).orders[0]
    assert (state.state, state.message, state.by, state.sent_count) == ("done", "loaded", "anna", 3)


async def test_an_order_is_never_sent_at_or_after_its_expiry(endpoint, now):
    order = await ordered(endpoint)
    now.pass_s(599.999)
    assert (await endpoint.heartbeat(heartbeat())).orders == [order]
    now.pass_s(0.001)
    assert (await endpoint.heartbeat(heartbeat())).orders == []
    assert (await endpoint.details(NODE)).orders[0].state == "expired"


async def test_a_result_that_comes_late_is_kept(endpoint, now):
    order = await ordered(endpoint)
    now.pass_s(10_000)
    await endpoint.ingest(NODE, checked(result(5, order.id, "expired")))
    assert (await endpoint.details(NODE)).orders[0].outcome_ns == now()


async def test_the_first_result_stands(endpoint):
    order = await ordered(endpoint)
    await endpoint.ingest(NODE, checked(result(5, order.id, "done")))
    await endpoint.ingest(NODE, checked(result(6, order.id, "failed")))
    assert (await endpoint.details(NODE)).orders[0].state == "done"


async def test_no_node_ends_another_nodes_order(endpoint):
    order = await ordered(endpoint)
    await endpoint.ingest("other", checked(result(5, order.id, node="other"), node="other"))
    assert (await endpoint.heartbeat(heartbeat())).orders == [order]


async def test_orders_of_one_node_are_bounded(endpoint):
    for _ in range(OPEN_MAX):
        await ordered(endpoint)
    with pytest.raises(TooManyOrders):
        await ordered(endpoint)


async def test_a_busy_node_is_asked_to_come_back_sooner_and_a_calm_one_as_it_likes(endpoint):
    assert (await endpoint.heartbeat(heartbeat())).next_s is None
    await ordered(endpoint)
    assert (await endpoint.heartbeat(heartbeat())).next_s <= 5


async def test_an_order_says_whom_it_is_for_who_gave_it_and_what_time_it_is(endpoint, now):
    order = await ordered(endpoint)
    orders = await endpoint.heartbeat(heartbeat())
    assert (order.node, order.by, orders.wall_ns) == (NODE, "anna", now())


async def test_an_order_is_withdrawn_only_before_it_is_sent(endpoint):
    order = await ordered(endpoint)
    await endpoint.withdraw(NODE, order.id)
    assert (await endpoint.heartbeat(heartbeat())).orders == []
    assert (await endpoint.details(NODE)).orders[0].state == "withdrawn"
    sent = await ordered(endpoint)
    await endpoint.heartbeat(heartbeat())
    for gone in (order.id, sent.id, "order-of-nobody"):
        with pytest.raises(NotWaiting):
            await endpoint.withdraw(NODE, gone)
    assert (await endpoint.details(NODE)).orders[0].state == "sent"


async def test_nobody_withdraws_another_nodes_order(endpoint):
    order = await ordered(endpoint)
    await endpoint.heartbeat(heartbeat("other"))
    with pytest.raises(NotWaiting):
        await endpoint.withdraw("other", order.id)


async def test_a_node_is_given_only_what_it_says_it_takes(endpoint):
    bounds = {"least": 1.0, "most": 3600.0, "unit": "s"}
    takes = {"orders": ["ping"], "settable": {"heartbeat_s": bounds}}
    await endpoint.register(Registration(NODE, "", "", "1", "armed", 1, capabilities=takes))
    assert (await endpoint.order(NODE, "ping", {}, 60, "anna")).name == "ping"
    with pytest.raises(NotOffered, match="takes ping"):
        await endpoint.order(NODE, "arm", {}, 60, "anna")
    await endpoint.desire(NODE, {"heartbeat_s": 60}, "anna")
    for wrong in ({"quota_mb": 1}, {"heartbeat_s": 0}, {"heartbeat_s": True}, {"heartbeat_s": "x"}):
        with pytest.raises(NotSettable):
            await endpoint.desire(NODE, wrong, "anna")


@pytest.mark.parametrize("takes", [
    {"orders": 3, "settable": "x"}, {"orders": [None, {}], "settable": {"a": 1}},
    {"orders": ["ping"], "settable": {"a": {"least": "x", "most": []}}},
])  # fmt: skip
async def test_a_node_that_says_nonsense_of_what_it_takes_breaks_nothing(endpoint, takes):
    await endpoint.register(Registration(NODE, "", "", "1", "armed", 1, capabilities=takes))
    with contextlib.suppress(NotOffered):
        await endpoint.order(NODE, "ping", {}, 60, "anna")
    with contextlib.suppress(NotSettable):
        await endpoint.desire(NODE, {"a": 1}, "anna")


# The shadow.


async def test_desired_state_comes_until_the_node_has_it(endpoint):
    await endpoint.heartbeat(heartbeat())
    desired = await endpoint.desire(NODE, {"speed": 3}, "anna")
    assert (await endpoint.heartbeat(heartbeat())).desired == desired
    assert (await endpoint.heartbeat(heartbeat(shadow_version=1))).desired is None


async def test_desired_state_that_changed_meanwhile_is_not_overwritten(endpoint):
    await endpoint.heartbeat(heartbeat())
    await endpoint.desire(NODE, {"speed": 3}, "anna", if_version=0)
    with pytest.raises(VersionConflict):
        await endpoint.desire(NODE, {"speed": 4}, "bert", if_version=0)


async def reported(endpoint):
    return (await endpoint.details(NODE)).shadow.reported


async def test_reports_are_merged_into_the_reported_state(endpoint):
    await endpoint.ingest(NODE, checked(report(1, 1, 0, a=1, b=2)))
    await endpoint.ingest(NODE, checked(report(2, 2, 1, removed=["a"], c=3)))
    state = await reported(endpoint)
    assert (state.version, state.values, state.resend) == (2, {"b": 2, "c": 3}, False)


async def test_a_lost_report_is_asked_for_again(endpoint):
    await endpoint.ingest(NODE, checked(report(1, 1, 0, a=1)))
    assert not (await endpoint.heartbeat(heartbeat())).resend_shadow
    await endpoint.ingest(NODE, checked(report(3, 3, 2, c=3)))
    assert (await reported(endpoint)).values == {"a": 1}
    assert (await endpoint.heartbeat(heartbeat())).resend_shadow
    await endpoint.ingest(NODE, checked(report(4, 3, 0, a=1, b=2, c=3)))
    assert not (await endpoint.heartbeat(heartbeat())).resend_shadow
    assert (await reported(endpoint)).values == {"a": 1, "b": 2, "c": 3}


async def test_a_node_that_never_reported_is_asked_for_its_state(endpoint):
    assert (await endpoint.heartbeat(heartbeat())).resend_shadow


async def test_a_whole_state_of_a_box_begun_anew_replaces_a_higher_version(endpoint):
    await endpoint.ingest(NODE, checked(report(5, 70, 0, a=1)))
    await endpoint.ingest(NODE, checked(report(9, 1, 0, b=1)))
    assert ((await reported(endpoint)).version, (await reported(endpoint)).values) == (1, {"b": 1})


async def test_an_old_report_that_comes_late_changes_nothing(endpoint):
    await endpoint.ingest(NODE, checked(report(5, 7, 0, a=1)))
    await endpoint.ingest(NODE, checked(report(2, 3, 0, old=True)))
    assert (await reported(endpoint)).values == {"a": 1}


# Searching.


async def test_records_are_found_newest_first(endpoint):
    await endpoint.ingest(NODE, checked(*(decision(n) for n in (3, 1, 2))))
    assert await found(endpoint) == ["3", "2", "1"]


async def test_records_are_found_by_node_type_time_and_text(endpoint):
    await endpoint.ingest("a", checked(decision(1, type="quality_control"), node="a"))
    await endpoint.ingest("b", checked(decision(2, reason="Überdruck in der PRESSE"), node="b"))
    assert await found(endpoint, node="a") == ["1"]
    assert await found(endpoint, node="nobody") == []
    assert await found(endpoint, type="quality_control") == ["1"]
    assert await found(endpoint, since_ns=WALL_NS + 2) == ["2"]
    assert await found(endpoint, until_ns=WALL_NS + 2) == ["1"]
    assert await found(endpoint, text="presse ÜBER") == ["2"]


@pytest.mark.parametrize("text", ["%", "o_en", "oven%", "'", "\\", "degC; DROP TABLE record"])
async def test_a_text_is_no_pattern_and_no_statement(endpoint, text):
    await endpoint.ingest(NODE, checked(decision(1)))
    assert await found(endpoint, text=text) == []


async def test_pages_follow_each_other_without_gap_or_repeat(endpoint):
    await endpoint.ingest(
        NODE, checked(*(decision(n, wall_ns=WALL_NS + n // 4) for n in range(50)))
    )
    seen: list[bytes] = []
    cursor = ""
    for _ in range(20):
        page = await endpoint.search(Search(Kind.DECISION, limit=7, cursor=cursor))
        seen += [bytes(one.message) for one in page.found]
        # What comes meanwhile is newer, and not on older pages.
        await endpoint.ingest(NODE, checked(decision(1000 + len(seen), wall_ns=WALL_NS + 10**6)))
        cursor = page.cursor
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 50


async def test_a_search_for_what_is_rare_goes_on_page_by_page(endpoint, monkeypatch):
    monkeypatch.setattr("banksman_cloud.records.SCAN_MAX", 10)
    await endpoint.ingest(
        NODE, checked(decision(1, reason="rare"), *(decision(n) for n in range(2, 40)))
    )
    hits, cursor, pages = 0, "", 0
    while pages == 0 or cursor:
        page = await endpoint.search(Search(Kind.DECISION, text="rare", cursor=cursor))
        hits, cursor, pages = hits + len(page.found), page.cursor, pages + 1
    assert (hits, pages) == (1, 4)
    assert SCAN_MAX > 10


@pytest.mark.parametrize("fields", [
    {"cursor": "x"}, {"cursor": "1"}, {"cursor": "-1-2"}, {"cursor": f"{2**64}-1"},
    {"since_ns": -1}, {"until_ns": 2**63}, {"text": "a " * 9}, {"text": "a" * 300},
])  # fmt: skip
async def test_a_search_that_cannot_be_is_refused(endpoint, fields):
    with pytest.raises(BadSearch):
        await found(endpoint, **fields)


async def test_a_messages_bytes_come_back_as_the_node_wrote_them(endpoint):
    sent = decision(1)
    await endpoint.ingest(NODE, checked(sent))
    page = await endpoint.search(Search(Kind.DECISION))
    assert bytes(page.found[0].message) == sent.body


async def test_a_nul_in_any_text_is_kept_or_refused_and_never_a_fault(endpoint):
    """PostgreSQL keeps no NUL in a text: what a box or a search says must not break it."""
    nul = "a\0b"
    await endpoint.register(
        Registration(NODE, nul, nul, nul, "armed", 1, {nul: nul}, {nul: nul}, [{"id": nul}])
    )
    await endpoint.heartbeat(
        Heartbeat(NODE, 1, 1, nul, "armed", True, 1.0, nul, link=LinkReport(interface=nul))
    )
    await endpoint.ingest(
        NODE,
        checked(
            decision(1, reason=nul, point=nul), alarm(2, key=nul, text=nul), audit(3, nul, who=nul),
            report(4, 1, 0, **{nul: nul}), result(5, nul, message=nul),
        ),
    )  # fmt: skip
    details = await endpoint.details(NODE)
    assert details.node.registration.location == nul
    assert details.shadow.reported.values == {nul: nul}
    assert len(await endpoint.alarms()) == 1
    assert len((await endpoint.search(Search(Kind.DECISION))).found) == 1
    for wanted in (
        Search(Kind.DECISION, text=nul),
        Search(Kind.DECISION, node=nul),
        Search(Kind.DECISION, type=nul),
    ):
        assert (await endpoint.search(wanted)).found == []
    with pytest.raises(NoSuchNode):
        await endpoint.details(nul)
