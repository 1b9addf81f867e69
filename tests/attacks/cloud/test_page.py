"""Browsers and passwords: what other people's pages and programs may not do."""

from __future__ import annotations

import pytest
from cloud_batches import NODE, decision, packed

ORDERS = f"/api/v1/nodes/{NODE}/orders"
WISH = {"name": "reload", "expires_s": 60}


@pytest.fixture
async def token(site):
    await site.ingest(packed(decision(1)))
    await site.site.operators.set_password("anna", "correct horse")
    login = {"name": "anna", "password": "correct horse"}
    return (await site.ask("POST", "/api/v1/session", json=login))[1]["csrf"]


async def test_another_sites_page_changes_nothing_with_our_cookie(site, token):
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        status, problem, _ = await site.ask(
            "POST", ORDERS, json=WISH, headers={"X-CSRF-Token": token, **headers}
        )
        assert (status, problem["type"]) == (403, "/api#foreign-origin")


async def test_a_web_page_does_not_speak_for_a_box(site):
    for headers in ({"Origin": site.url}, {"Sec-Fetch-Site": "none"}):
        status, problem, _ = await site.ingest(packed(decision(1)), **headers)
        assert (status, problem["type"]) == (403, "/api#browser")


async def test_a_name_that_was_rebound_to_loopback_reads_nothing(site):
    for host in (
        "evil.example",
        "evil.example:8090",
        "127.0.0.1.evil.example",
        "",
        "[",
        "10.0.0.1",
    ):
        status, problem, _ = await site.ask("GET", "/api/v1/fleet", headers={"Host": host})
        assert (status, problem["type"]) == (421, "/api#unknown-host"), host


async def test_a_token_that_somebody_brings_along_is_never_adopted(site, token):
    site.client.cookie_jar.clear()
    status, session, _ = await site.ask(
        "GET", "/api/v1/session", headers={"Cookie": "banksman-cloud=chosen-by-me"}
    )
    assert (status, session["signed_in"]) == (200, False)


async def test_guessing_passwords_is_slowed_down(site, token):
    guess = {"name": "anna", "password": "wrong horse"}
    statuses = [(await site.ask("POST", "/api/v1/session", json=guess))[0] for _ in range(8)]
    assert statuses[:4] == [401] * 4
    assert set(statuses[4:]) == {429}


async def test_whether_a_name_exists_is_not_told(site, token):
    answers = []
    for name in ("anna", "nobody"):
        guess = {"name": name, "password": "wrong horse"}
        answers.append((await site.ask("POST", "/api/v1/session", json=guess))[:2])
    assert answers[0] == answers[1]


async def test_a_password_of_a_megabyte_costs_nothing(site, token):
    guess = {"name": "anna", "password": "x" * 1_000_000}
    assert (await site.ask("POST", "/api/v1/session", json=guess))[0] == 401


async def test_no_path_leads_out_of_the_pages_folder(site):
    for path in (
        "/static/..%2f..%2fserver.py",
        "/static/%2e%2e/__init__.py",
        "/static/",
        "/static/x",
    ):
        assert (await site.ask("GET", path))[0] == 404, path


async def test_every_answer_says_what_browsers_may_do_with_it(site):
    for path in ("/", "/api/v1/fleet", "/nothing"):
        _, _, headers = await site.ask("GET", path) if path != "/" else (0, 0, await shell(site))
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"


async def shell(site):
    async with site.client.get("/") as answer:
        return answer.headers


async def test_a_node_name_that_is_markup_or_a_path_is_refused(site):
    for name in ("<b>", "../x", "a b", "", "x" * 64, "-x", "ä"):
        body = packed(decision(1), node=name)
        assert (await site.ingest(body))[0] == 400, name
