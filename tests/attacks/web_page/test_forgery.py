"""Another site, or another name, tries to make the operator's browser act."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import aiohttp
import pytest

from banksman.web.fake_page import FakePage

Client = aiohttp.ClientSession
RESET = "/api/v1/trips/conveyor_jam/reset"


async def test_a_request_with_the_cookie_but_no_csrf_token_changes_nothing(
    page: FakePage, client: Client, operator: SimpleNamespace
) -> None:
    async with client.post(RESET) as answer:
        assert answer.status == 403
    assert "reset" not in page.appliance.done


@pytest.mark.parametrize("token", ["", "x", "undefined", "é", "0" * 43])
async def test_a_guessed_csrf_token_changes_nothing(
    page: FakePage, client: Client, operator: SimpleNamespace, token: str
) -> None:
    async with client.post(RESET, headers={"X-CSRF-Token": token}) as answer:
        assert answer.status == 403
    assert "reset" not in page.appliance.done


async def test_the_csrf_token_of_another_session_does_not_fit(
    page: FakePage, client: Client, operator: SimpleNamespace
) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        aiohttp.ClientSession(page.url, cookie_jar=jar) as other,
        other.post("/api/v1/session", json={"password": operator.password}) as answer,
    ):
        assert answer.status == 200
        async with other.post(RESET, headers=operator.headers) as forged:
            assert forged.status == 403


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_foreign_origin_is_refused_even_with_cookie_and_token(
    page: FakePage, client: Client, operator: SimpleNamespace, foreign: dict[str, str]
) -> None:
    async with client.post(RESET, headers={**operator.headers, **foreign}) as answer:
        assert answer.status == 403
    assert "reset" not in page.appliance.done


async def test_another_site_cannot_log_somebody_in(
    client: Client, operator: SimpleNamespace
) -> None:
    async with client.post(
        "/api/v1/session",
        json={"password": operator.password},
        headers={"Origin": "http://evil.example"},
    ) as answer:
        assert answer.status == 403


async def test_a_form_of_another_kind_is_not_read_as_a_login(
    client: Client, operator: SimpleNamespace
) -> None:
    body = '{"password": "three words here"}'
    headers = {"Content-Type": "text/plain"}
    async with client.post("/api/v1/session", data=body, headers=headers) as answer:
        assert answer.status == 415


async def test_no_other_origin_is_allowed_to_read(client: Client) -> None:
    async with client.get("/api/v1/status", headers={"Origin": "http://evil.example"}) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "localhost.evil.example", "192.168.1.7", ""]
)
async def test_a_rebound_name_reads_nothing(client: Client, host: str) -> None:
    for path in ("/", "/api/v1/status", "/api/v1/session", "/healthz", "/static/app.js"):
        async with client.get(path, headers={"Host": host}) as answer:
            assert answer.status == 421
            assert "press-line" not in await answer.text()


async def test_a_rebound_name_changes_nothing_even_with_everything_else_right(
    page: FakePage, client: Client, operator: SimpleNamespace
) -> None:
    headers = {**operator.headers, "Host": "evil.example", "Origin": "http://evil.example"}
    async with client.post(RESET, headers=headers) as answer:
        assert answer.status == 421
    assert "reset" not in page.appliance.done


async def test_two_host_headers_are_not_a_way_around(
    page: FakePage, send_raw: Callable[[bytes], Awaitable[bytes]]
) -> None:
    answer = await send_raw(
        b"GET /api/v1/status HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n"
        b"Connection: close\r\n\r\n"
    )
    assert b"press-line" not in answer


async def test_a_forwarded_address_does_not_make_a_caller_local(
    page: FakePage, client: Client
) -> None:
    headers = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost", "Host": "evil"}
    async with client.get("/api/v1/status", headers=headers) as answer:
        assert answer.status == 421
