"""What operators ask over HTTP, and who may."""

from __future__ import annotations

import pytest
from cloud_batches import NODE, alarm, decision, packed
from cloud_site import CloudSite
from openapi_spec_validator import validate

from banksman_cloud.errors import SettingsError
from banksman_cloud.retention import Keep
from banksman_cloud.sweeper import Sweeper

WISH = {"name": "reload", "expires_s": 60}
ORDERS = f"/api/v1/nodes/{NODE}/orders"


@pytest.fixture
async def fed(site):
    await site.ingest(packed(*(decision(n) for n in range(30)), alarm(50)))
    return site


async def test_the_fleet_has_every_node(fed):
    status, fleet, _ = await fed.ask("GET", "/api/v1/fleet")
    assert status == 200
    assert [(node["name"], node["state"]) for node in fleet["nodes"]] == [(NODE, "new")]
    assert fleet["worker"]["taken"] == 31


async def test_a_node_that_falls_silent_is_shown_so(site, now):
    beat = {
        "node": NODE,
        "wall_ns": 1,
        "mono_ns": 1,
        "boot_id": "b",
        "mode": "observe",
        "ready": True,
        "uptime_s": 1.0,
    }
    await site.ask("POST", "/v1/heartbeat", json=beat)
    states = []
    for seconds in (0, 100, 1000):
        now.pass_s(seconds)
        states.append((await site.ask("GET", "/api/v1/fleet"))[1]["nodes"][0]["state"])
    assert states == ["up", "late", "silent"]


async def test_one_node_has_its_page(fed):
    status, details, _ = await fed.ask("GET", f"/api/v1/nodes/{NODE}")
    assert (status, details["alarms"][0]["alarm"]["text"]) == (200, "the oven is hot")
    assert (await fed.ask("GET", "/api/v1/nodes/ghost"))[0] == 404


async def test_records_are_searched_and_paged(fed):
    status, page, _ = await fed.ask("GET", f"/api/v1/records?node={NODE}&limit=20&text=degC")
    assert (status, len(page["records"])) == (200, 20)
    assert page["records"][0]["message"]["reason"] == "oven at 29 degC"
    _, rest, _ = await fed.ask("GET", f"/api/v1/records?limit=20&text=degC&cursor={page['cursor']}")
    assert (len(rest["records"]), rest["cursor"]) == (10, "")


@pytest.mark.parametrize("query", [
    "kind=x", "limit=x", "limit=-1", "since_ns=1e9", "cursor=abc", "until_ns=99999999999999999999",
    "text=" + "a" * 300,
])  # fmt: skip
async def test_a_search_that_cannot_be_is_a_problem_in_words(fed, query):
    status, problem, _ = await fed.ask("GET", f"/api/v1/records?{query}")
    assert (status, problem["type"]) == (400, "/api#bad-search")


async def test_open_alarms_are_listed(fed):
    assert len((await fed.ask("GET", "/api/v1/alarms"))[1]["alarms"]) == 1


async def test_the_desired_state_is_set_with_its_version(fed, operator):
    path = f"/api/v1/nodes/{NODE}/desired"
    wish = {"values": {"speed": 3}, "if_version": 0}
    status, desired, _ = await fed.ask("PUT", path, json=wish, headers=operator)
    assert (status, desired) == (200, {"version": 1, "values": {"speed": 3}})
    assert (await fed.ask("PUT", path, json=wish, headers=operator))[0] == 409


@pytest.mark.parametrize("wish", [
    {"name": "reload", "expires_s": 0}, {"name": "reload", "expires_s": 1e9},
    {"name": "rm -rf", "expires_s": 5}, {"name": "", "expires_s": 5}, {"expires_s": 5},
    {"name": "reload", "expires_s": 5, "surprise": 1}, {"name": "reload", "expires_s": None},
])  # fmt: skip
async def test_an_order_that_cannot_be_is_refused(fed, operator, wish):
    status, _, _ = await fed.ask("POST", ORDERS, json=wish, headers=operator)
    assert status == 400


async def test_arguments_of_an_order_are_bounded(fed, operator):
    wish = {**WISH, "arguments": {"x": "y" * 5000}}
    assert (await fed.ask("POST", ORDERS, json=wish, headers=operator))[0] == 400


async def test_an_order_that_waits_is_withdrawn_once(fed, operator):
    _, order, _ = await fed.ask("POST", ORDERS, json=WISH, headers=operator)
    path = f"{ORDERS}/{order['id']}"
    answers = [(await fed.ask("DELETE", path, headers=operator))[0] for _ in range(2)]
    assert answers == [204, 409]
    assert (await fed.ask("DELETE", f"/api/v1/nodes/ghost/orders/{order['id']}", headers=operator))[
        0
    ] == 404
    assert (await fed.ask("DELETE", path))[0] in (401, 403), "not without the session's token"


async def test_what_a_node_takes_is_all_that_it_may_be_given(fed, operator):
    told = {
        "node": NODE, "site": "", "location": "", "version": "1", "mode": "armed",
        "started_wall_ns": 1,
        "capabilities": {
            "orders": ["ping"], "settable": {"heartbeat_s": {"least": 1, "most": 3600}},
        },
    }  # fmt: skip
    await fed.ask("PUT", "/v1/node", json=told)
    status, problem, _ = await fed.ask("POST", ORDERS, json=WISH, headers=operator)
    assert (status, problem["detail"]) == (400, f"node {NODE} takes ping")
    path = f"/api/v1/nodes/{NODE}/desired"
    wish = {"values": {"heartbeat_s": 9000}}
    status, problem, _ = await fed.ask("PUT", path, json=wish, headers=operator)
    assert (status, problem["detail"]) == (
        400,
        f"heartbeat_s of node {NODE} is a number from 1 to 3600",
    )


async def test_a_node_over_a_metered_link_is_late_by_its_own_beat(site, now):
    beat = {
        "node": NODE, "wall_ns": 1, "mono_ns": 1, "boot_id": "b", "mode": "observe",
        "ready": True, "uptime_s": 1.0, "next_s": 300.0,
    }  # fmt: skip
    await site.ask("POST", "/v1/heartbeat", json=beat)
    states = []
    for seconds in (0, 800, 400, 400):
        now.pass_s(seconds)
        states.append((await site.ask("GET", "/api/v1/fleet"))[1]["nodes"][0]["state"])
    assert states == ["up", "up", "late", "silent"]


async def test_what_is_kept_and_what_was_deleted_is_told(fed, endpoint, now):
    _, told, _ = await fed.ask("GET", "/api/v1/retention")
    kinds = {kind["kind"]: kind for kind in told["kinds"]}
    assert (kinds["readings"]["days"], kinds["decision"]["days"], told["swept_ns"]) == (400, 0, 0)
    now.pass_s(100 * 86_400)
    await Sweeper(endpoint.engine, {"decision": Keep(days=10)}, now, breath_s=0.0).sweep()
    _, told, _ = await fed.ask("GET", "/api/v1/retention")
    kinds = {kind["kind"]: kind for kind in told["kinds"]}
    assert (kinds["decision"]["deleted_rows"], told["swept_ns"]) == (30, now())


async def test_an_order_to_nobody_is_refused(fed, operator):
    assert (await fed.ask("POST", "/api/v1/nodes/ghost/orders", json=WISH, headers=operator))[
        0
    ] == 404


# Who may.


async def test_on_loopback_reading_is_open_and_changing_needs_a_login(fed):
    assert (await fed.ask("GET", "/api/v1/fleet"))[0] == 200
    for method, path in (("POST", "orders"), ("PUT", "desired")):
        status, problem, _ = await fed.ask(method, f"/api/v1/nodes/{NODE}/{path}", json=WISH)
        assert (status, problem["type"]) == (401, "/api#login-needed")


async def test_beyond_loopback_everything_needs_a_login(endpoint, now):
    async with CloudSite(endpoint, now, remote_desk=True) as remote:
        for path in ("fleet", "alarms", "records", "nodes/x", "openapi.json"):
            assert (await remote.ask("GET", f"/api/v1/{path}"))[0] == 401
        assert (await remote.ask("GET", "/healthz"))[0] == 200
        assert (await remote.ask("GET", "/api/v1/session"))[1]["login_to_read"] is True


async def test_a_change_without_the_sessions_token_is_refused(fed, operator):
    status, problem, _ = await fed.ask("POST", ORDERS, json=WISH)
    assert (status, problem["type"]) == (403, "/api#csrf")


async def test_after_logging_out_nothing_may_be_changed(fed, operator):
    assert (await fed.ask("DELETE", "/api/v1/session", headers=operator))[1]["signed_in"] is False
    assert (await fed.ask("POST", ORDERS, json=WISH, headers=operator))[0] == 401


async def test_a_session_ends_when_it_is_not_used(fed, operator, now):
    now.pass_s(1700)
    assert (await fed.ask("GET", "/api/v1/session"))[1]["signed_in"]
    now.pass_s(1700)
    assert (await fed.ask("GET", "/api/v1/session"))[1]["signed_in"]
    now.pass_s(1801)
    assert not (await fed.ask("GET", "/api/v1/session"))[1]["signed_in"]


async def test_a_new_password_ends_every_session(fed, operator):
    await fed.site.operators.set_password("anna", "another horse")
    assert not (await fed.ask("GET", "/api/v1/session"))[1]["signed_in"]


async def test_a_password_that_is_too_short_is_not_taken(site):
    with pytest.raises(SettingsError, match="10 to 128"):
        await site.site.operators.set_password("anna", "short")


async def test_every_worker_knows_who_is_logged_in(fed, operator, endpoint, now):
    async with CloudSite(endpoint, now) as other:
        jar = {cookie.key: cookie.value for cookie in fed.client.cookie_jar}
        _, session, _ = await other.ask("GET", "/api/v1/session", cookies=jar)
        assert session["name"] == "anna"


# What describes it.


async def test_the_description_is_a_valid_one_and_has_every_route(site):
    status, document, _ = await site.ask("GET", "/api/v1/openapi.json")
    assert status == 200
    validate(document)
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert described == {(r.method, r.path) for r in site.site.routes if r.summary}


async def test_the_database_is_asked_whether_it_is_ready(site):
    assert (await site.ask("GET", "/readyz"))[1]["ready"] is True
