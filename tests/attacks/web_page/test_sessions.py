"""Someone tries to get, plant, guess or reuse a way in."""

import asyncio
from types import SimpleNamespace

import aiohttp

from banksman.clock import ManualClock
from banksman.web.fake_page import FakePage

Client = aiohttp.ClientSession
LOGIN = "/api/v1/session"
SETUP = "/api/v1/session/setup"


async def test_a_planted_session_cookie_is_never_adopted_at_login(
    page: FakePage, operator: SimpleNamespace
) -> None:
    planted = {"banksman": "token-that-the-attacker-knows"}
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        aiohttp.ClientSession(page.url, cookie_jar=jar, cookies=planted) as victim,
        victim.post(LOGIN, json={"password": operator.password}) as answer,
    ):
        assert answer.status == 200
    async with (
        aiohttp.ClientSession(page.url, cookies=planted) as attacker,
        attacker.get(LOGIN) as answer,
    ):
        assert not (await answer.json())["signed_in"]


async def test_a_new_login_ends_the_session_that_came_along(
    page: FakePage, client: Client, operator: SimpleNamespace
) -> None:
    async with client.post(LOGIN, json={"password": operator.password}) as answer:
        assert answer.status == 200
    assert page.accounts.session(operator.token) is None


async def test_brute_force_is_locked_out_with_a_growing_delay(
    client: Client, operator: SimpleNamespace, clock: ManualClock
) -> None:
    waits = []
    for _ in range(8):
        async with client.post(LOGIN, json={"password": "wrong password"}) as answer:
            if answer.status == 429:
                waits.append(int(answer.headers["Retry-After"]))
                clock.advance(waits[-1])
            else:
                assert answer.status == 401
    assert len(waits) >= 2
    assert waits == sorted(set(waits))


async def test_while_locked_out_the_right_password_does_not_help(
    client: Client, operator: SimpleNamespace
) -> None:
    for _ in range(3):
        async with client.post(LOGIN, json={"password": "wrong password"}) as answer:
            assert answer.status == 401
    async with client.post(LOGIN, json={"password": operator.password}) as answer:
        assert answer.status == 429


async def test_many_tries_at_once_are_judged_no_more_than_one_after_the_other(
    client: Client, operator: SimpleNamespace
) -> None:
    async def guess() -> int:
        async with client.post(LOGIN, json={"password": "wrong password"}) as answer:
            return answer.status

    statuses = await asyncio.gather(*(guess() for _ in range(30)))
    assert statuses.count(401) == 3
    assert statuses.count(429) == 27


async def test_a_locked_out_flood_does_not_fill_the_audit(
    page: FakePage, client: Client, operator: SimpleNamespace
) -> None:
    for _ in range(30):
        async with client.post(LOGIN, json={"password": "wrong password"}):
            pass
    assert page.appliance.done.count("login_refused") == 3


async def test_a_used_setup_code_sets_no_second_password(
    page: FakePage, client: Client, operator: SimpleNamespace
) -> None:
    body = {"code": page.code, "password": "the attacker's own"}
    async with client.post(SETUP, json=body) as answer:
        assert answer.status == 409
    async with client.post(LOGIN, json={"password": "the attacker's own"}) as answer:
        assert answer.status == 401


async def test_guessing_the_setup_code_is_locked_out(page: FakePage, client: Client) -> None:
    statuses = []
    for number in range(6):
        body = {"code": f"2222{number}22222", "password": "three words here"}
        async with client.post(SETUP, json=body) as answer:
            statuses.append(answer.status)
    assert statuses == [401, 401, 401, 429, 429, 429]
    assert page.accounts.setup_needed


async def test_secrets_are_in_no_answer_and_no_audit(
    page: FakePage, client: Client, operator: SimpleNamespace
) -> None:
    shown = ""
    for path in ("/api/v1/status", "/api/v1/audit", "/metrics", "/api/v1/openapi.json"):
        async with client.get(path) as answer:
            shown += await answer.text()
    for secret in (operator.password, operator.token, operator.csrf, page.code):
        assert secret not in shown


async def test_strange_cookies_open_nothing_and_break_nothing(page: FakePage) -> None:
    for value in ("", "=;=;", "a" * 7000, '"; Path=/', "\u00ff", "__Host-banksman=x"):
        headers = {"Cookie": f"banksman={value}"}
        async with (
            aiohttp.ClientSession(page.url) as client,
            client.get(LOGIN, headers=headers) as answer,
        ):
            assert not (await answer.json())["signed_in"]
