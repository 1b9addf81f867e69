"""A box that was taken over tries its certificate on what belongs to its neighbours."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import quote

import pytest
from cloud_batches import WALL_NS, alarm, decision, item, result
from secured_site import EST, basic, body_of, request_for

from banksman.wire.messages import AlarmMessage, Priority
from banksman.wire.uplink import OrderResult, ShadowReport
from banksman_cloud.endpoint import Endpoint
from banksman_cloud.kinds import Kind
from banksman_cloud.pictures import PictureFolder
from banksman_cloud.records import Search
from banksman_cloud.uploads import Piece

THIEF, VICTIM = "press3", "oven1"
JPEG = b"\xff\xd8\xff" + bytes(2_000)


def reason(answer: bytes) -> str:
    return json.loads(answer)["type"].rpartition("#")[2]


@pytest.fixture
async def pair(site):
    """The thief's certificate; the victim has one, too, and has said who it is."""
    victim = await site.enrol(VICTIM)
    status, answer, _ = await site.ask("PUT", "/v1/node", victim, json=registration(VICTIM))
    assert status == 204, answer
    return await site.enrol(THIEF)


@pytest.fixture
def endpoint(site, clock) -> Endpoint:
    """The same database as operators have it."""
    return Endpoint(site.engine, clock)


def registration(node: str, **changed) -> dict:
    return {
        "node": node, "site": "s", "location": "l", "version": "1", "mode": "armed",
        "started_wall_ns": 1, "hardware": {}, "capabilities": {}, "devices": [],
    } | changed  # fmt: skip


def piece(node: str, **changed: str) -> dict[str, str]:
    """The query of a whole picture in one piece."""
    return {
        "node": node, "at": "0", "size": str(len(JPEG)), "priority": "0", "wall_ns": "1",
        "sent_wall_ns": "1", "sha256": hashlib.sha256(JPEG).hexdigest(),
    } | changed  # fmt: skip


async def test_it_does_not_register_ask_or_upload_as_another(site, pair, endpoint):
    ask = {
        "id": "1", "node": VICTIM, "type": "maintenance_advice", "point": "bearing",
        "wall_ns": 1, "deadline_ms": 500, "inputs": {}, "actions": ["stop"],
    }  # fmt: skip
    upload = f"/v1/uploads/{VICTIM}-1-1"
    for method, path, options in (
        ("PUT", "/v1/node", {"json": registration(VICTIM, mode="observe", location="elsewhere")}),
        ("POST", "/v1/decide", {"json": ask}),
        ("PUT", upload, {"params": piece(VICTIM), "data": JPEG}),
        ("GET", upload, {"params": piece(VICTIM)}),
    ):
        status, answer, _ = await site.ask(method, path, pair, **options)
        assert (status, reason(answer)) == (403, "other-node"), path
    row = (await endpoint.details(VICTIM)).node
    assert (row.registration.location, row.registration.mode) == ("l", "armed")
    assert await site.engine.read(lambda db: db.all("SELECT * FROM upload")) == []


async def test_it_answers_no_order_of_another(site, pair, endpoint):
    order = await endpoint.order(VICTIM, "ping", {}, 600, "anna")
    status, answer, _ = await site.ingest(pair, result(1, order.id, node=THIEF), node=THIEF)
    assert (status, json.loads(answer)["taken"]) == (200, 1), "kept as what the thief has said"
    forged = OrderResult(f"{VICTIM}-1-2", order.id, VICTIM, WALL_NS, "done")
    await site.ingest(pair, item("result", forged), node=THIEF)
    (state,) = (await endpoint.details(VICTIM)).orders
    assert (state.state, state.message) == ("waiting", "")


async def test_what_bears_anothers_name_and_ids_stays_the_thiefs(site, pair, endpoint):
    report = ShadowReport(f"{VICTIM}-1-7", VICTIM, WALL_NS, 9, 0, {"mode": "observe"})
    status, _, _ = await site.ingest(
        pair, item("shadow", report), alarm(8, VICTIM), decision(9, VICTIM), node=THIEF
    )
    assert status == 200
    details = await endpoint.details(VICTIM)
    assert (details.shadow.reported.values, details.alarms) == ({}, [])
    by = await site.engine.read(
        lambda db: db.all(
            "SELECT DISTINCT node.name FROM record JOIN node ON node.no = record.node_no"
        )
    )
    assert by == [(THIEF,)]


async def test_it_clears_no_alarm_of_another(site, pair, endpoint):
    victim = await site.enrol(VICTIM)
    await site.ingest(victim, alarm(1, VICTIM), node=VICTIM)
    over = AlarmMessage(
        f"{VICTIM}-2-1", VICTIM, "oven", "fine", Priority.CRITICAL, False, True, WALL_NS + 9, 9, "b"
    )
    await site.ingest(pair, item("alarm", over), node=THIEF)
    (open_one,) = [each for each in await endpoint.alarms() if each.node == VICTIM]
    assert open_one.alarm.active


async def test_an_id_that_another_has_used_keeps_nobody_out(site, pair, endpoint):
    """Ids are a node's own: who foresees them cannot have the victim's row taken for a repeat."""
    await site.ingest(pair, decision(1, VICTIM), node=THIEF)
    victim = await site.enrol(VICTIM)
    status, answer, _ = await site.ingest(victim, decision(1, VICTIM), node=VICTIM)
    assert (status, json.loads(answer)["taken"]) == (200, 1)


async def test_an_upload_of_the_same_id_does_not_touch_anothers(site, pair):
    victim = await site.enrol(VICTIM)
    path = f"/v1/uploads/{VICTIM}-1-1"
    await site.ask("PUT", path, victim, params=piece(VICTIM), data=JPEG[:900])
    status, answer, _ = await site.ask("PUT", path, pair, params=piece(THIEF), data=JPEG[:100])
    assert (status, json.loads(answer)["here"]) == (200, 100)
    status, answer, _ = await site.ask("GET", path, victim, params=piece(VICTIM))
    assert json.loads(answer)["here"] == 900


@pytest.mark.parametrize(
    "name",
    ["../../../../etc/cron.d/x-1-1", "..-1-1", "/etc/passwd-1-1", "a\\..\\b-1-1", "%2e%2e%2f-1-1"],
)
async def test_no_pictures_name_leads_out_of_its_folder(site, pair, tmp_path, clock, name):
    """Files are named by their sum alone; a picture's name is only ever a key in the database."""
    folder = tmp_path / "deep" / "in" / "pictures"
    desk = Endpoint(site.engine, clock, PictureFolder(folder))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    site.site._endpoint = desk
    path = f"/v1/uploads/{quote(name, safe='')}"
    status, _, _ = await site.ask("PUT", path, pair, params=piece(THIEF), data=JPEG)
    assert status in (200, 400, 404, 422)
    sent = Piece(name, 0, len(JPEG), hashlib.sha256(JPEG).hexdigest(), 0, 1, 1, "", JPEG)
    assert (await desk.upload(THIEF, sent)).done
    made = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    pictures = {path for path in made if path.suffix == ".jpg"}
    assert all(folder in path.parents for path in pictures)
    assert {path for path in made if "cloud.db" not in path.name} == pictures


async def test_a_sum_that_is_a_path_is_no_sum(site, pair):
    for wrong in ("../" * 21 + "x", "A" * 64, "a" * 63, "a" * 64 + "/..", "\u0660" * 64):
        status, answer, _ = await site.ask(
            "PUT", f"/v1/uploads/{THIEF}-1-1", pair, params=piece(THIEF, sha256=wrong), data=JPEG
        )
        assert (status, reason(answer)) == (400, "bad-upload")


async def test_an_order_whose_time_is_over_is_never_handed_out(site, pair, endpoint, clock):
    beat = {"node": THIEF, "wall_ns": 1, "mono_ns": 1, "boot_id": "b", "mode": "observe",
            "ready": True, "uptime_s": 1.0}  # fmt: skip
    await site.ask("PUT", "/v1/node", pair, json=registration(THIEF))
    await endpoint.order(THIEF, "ping", {}, 60, "anna")
    clock.ahead_s = 61.0
    status, answer, _ = await site.ask("POST", "/v1/heartbeat", pair, json=beat)
    assert (status, json.loads(answer).get("orders", [])) == (200, [])
    late = result(5, (await endpoint.details(THIEF)).orders[0].order.id, node=THIEF)
    await site.ingest(pair, late, node=THIEF)
    (state,) = (await endpoint.details(THIEF)).orders
    assert state.sent_count == 0


SQL = ["'; DROP TABLE record; --", "' OR 1=1 --", '" OR ""="', "%", "_", "\\", "\0", "oven' AND 1"]


@pytest.mark.parametrize("text", SQL)
async def test_a_search_that_is_sql_finds_only_what_holds_those_words(site, pair, endpoint, text):
    await site.ingest(pair, decision(1, THIEF, reason="80 degC", point="oven"), node=THIEF)
    found = await endpoint.search(Search(Kind.DECISION, text=text))
    assert found.found == []
    assert (await endpoint.search(Search(Kind.DECISION, node=text))).found == []
    assert len((await endpoint.search(Search(Kind.DECISION, text="oven"))).found) == 1


@pytest.mark.parametrize("node", ["x'; DROP TABLE node; --", "<img src=x onerror=alert(1)>", "a/b"])
async def test_a_certificate_for_a_name_that_is_sql_or_markup_is_not_issued(site, node):
    token = await site.token()
    body = body_of(request_for(node))
    status, answer, _ = await site.ask("POST", f"{EST}/simpleenroll", data=body,
                                       headers=basic(token))  # fmt: skip
    assert (status, reason(answer)) == (400, "bad-request")
    rows = await site.engine.read(lambda db: db.all("SELECT name FROM node"))
    assert rows == []
