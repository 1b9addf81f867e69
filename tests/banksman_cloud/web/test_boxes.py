"""What boxes ask over HTTP."""

from __future__ import annotations

import io

import msgspec
import pytest
from cloud_batches import NODE, decision, packed, raw, result

from banksman.wire.uplink import BATCH_BYTES_MAX
from banksman_cloud.errors import Unavailable

ASK = {
    "id": "a1", "node": NODE, "type": "maintenance_advice", "point": "bearing", "wall_ns": 1,
    "deadline_ms": 200.0, "inputs": {"vib.rms": 8.0}, "actions": ["none", "stop_press"],
}  # fmt: skip
BEAT = {
    "node": NODE, "wall_ns": 1, "mono_ns": 1, "boot_id": "b", "mode": "observe", "ready": True,
    "uptime_s": 1.0,
}  # fmt: skip


GARBAGE = [b"", b"{", b"[]", b"null", b"\xff", b'{"node": 5}', b"[" * 100_000]


async def test_somebody_is_there(site):
    assert (await site.ask("GET", "/healthz"))[:2] == (200, {"status": "ok"})


async def test_a_batch_has_its_receipt(site):
    body = packed(decision(1), decision(2))
    assert (await site.ingest(body))[:2] == (200, {"taken": 2})
    assert (await site.ingest(body))[:2] == (200, {"taken": 0, "repeated": 2})


async def test_a_batch_that_is_not_packed_is_read_too(site):
    status, receipt, _ = await site.ask("POST", "/v1/ingest", data=raw(decision(1)))
    assert (status, receipt["taken"]) == (200, 1)


async def test_a_body_without_a_length_is_read_to_its_end(site):
    async def parts():
        body = packed(decision(1))
        for at in range(0, len(body), 50):
            yield body[at : at + 50]

    assert (await site.ingest(parts()))[0] == 200


async def test_refused_items_are_named_in_the_receipt(site):
    bad = msgspec.structs.replace(decision(2), body=b"{}")
    status, receipt, _ = await site.ingest(packed(decision(1), bad))
    assert (status, receipt["taken"]) == (200, 1)
    assert receipt["refused"][0]["id"] == bad.id
    assert "missing required field" in receipt["refused"][0]["why"]


async def test_the_header_tells_who_speaks_and_the_body_may_not_differ(site):
    status, problem, _ = await site.ingest(packed(decision(1)), **{"X-Banksman-Node": "press-4"})
    assert (status, problem["type"]) == (403, "/api#other-node")
    status, problem, _ = await site.ask(
        "POST", "/v1/heartbeat", json=BEAT, headers={"X-Banksman-Node": "press-4"}
    )
    assert (status, problem["type"]) == (403, "/api#other-node")


async def test_a_database_that_does_not_take_it_is_503_with_a_time(site, endpoint, monkeypatch):
    async def refuse(_work):
        raise Unavailable("the disk is full")

    monkeypatch.setattr(endpoint.engine, "write", refuse)
    status, problem, headers = await site.ingest(packed(decision(1)))
    assert (status, problem["detail"]) == (503, "the disk is full")
    assert int(headers["Retry-After"]) > 0


async def test_a_node_registers_beats_and_has_its_orders(site, operator):
    told = {
        "node": NODE,
        "site": "Works 2",
        "location": "hall B",
        "version": "1",
        "mode": "armed",
        "started_wall_ns": 5,
        "hardware": {"model": "Pi 5"},
        "devices": [{"id": "plc"}],
    }
    assert (await site.ask("PUT", "/v1/node", json=told))[0] == 204
    wish = {"name": "reload", "expires_s": 60, "arguments": {"file": "rules.toml"}}
    status, order, _ = await site.ask(
        "POST", f"/api/v1/nodes/{NODE}/orders", json=wish, headers=operator
    )
    assert status == 201
    status, orders, _ = await site.ask("POST", "/v1/heartbeat", json=BEAT)
    assert (status, orders["orders"]) == (200, [order])
    await site.ingest(packed(result(9, order["id"])))
    assert "orders" not in (await site.ask("POST", "/v1/heartbeat", json=BEAT))[1]


async def test_a_question_has_its_answer_by_the_rules(site):
    status, answer, _ = await site.ask("POST", "/v1/decide", json=ASK)
    assert (status, answer["id"], answer["action"], answer["confidence"]) == (
        200,
        "a1",
        "stop_press",
        0.9,
    )
    assert "zone_d" in answer["reason"]


@pytest.mark.parametrize("change", [
    {"inputs": {"vib.rms": 2.0}}, {"inputs": {}}, {"inputs": {"vib.rms": None}}, {"point": "other"},
    {"actions": ["none"]}, {"actions": []},
])  # fmt: skip
async def test_without_an_answer_the_box_is_told_to_take_its_safe_action(site, change):
    status, problem, _ = await site.ask("POST", "/v1/decide", json={**ASK, **change})
    assert (status, problem["type"]) == (504, "/api#no-answer")
    assert "safe action" in problem["remedy"]


@pytest.mark.parametrize("deadline_ms", [0.0, -5.0])
async def test_a_deadline_that_has_passed_is_no_answer(site, deadline_ms):
    status, problem, _ = await site.ask(
        "POST", "/v1/decide", json={**ASK, "deadline_ms": deadline_ms}
    )
    assert (status, problem["type"]) == (504, "/api#too-late")


@pytest.mark.parametrize(("method", "path"), [
    ("PUT", "/v1/node"), ("POST", "/v1/heartbeat"), ("POST", "/v1/decide"),
])  # fmt: skip
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b'{"node": 5}', b"[" * 100_000]
)
async def test_a_json_body_that_is_none_is_a_problem_in_words(site, method, path, body):
    status, problem, headers = await site.ask(method, path, data=body)
    assert (status, problem["type"]) == (400, "/api#bad-body")
    assert headers["Content-Type"] == "application/problem+json"


async def test_an_address_that_is_none_is_a_problem_too(site):
    assert (await site.ask("GET", "/v1/nothing"))[1]["type"] == "/api#http-404"
    status, _, headers = await site.ask("GET", "/v1/ingest")
    assert (status, headers["Allow"]) == (405, "POST")


async def test_a_declared_length_beyond_bounds_is_refused(site):
    status, problem, _ = await site.ingest(io.BytesIO(b"x" * (BATCH_BYTES_MAX + 200_000)))
    assert (status, problem["type"]) == (413, "/api#too-large")
