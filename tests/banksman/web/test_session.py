from types import SimpleNamespace

import aiohttp

from banksman.clock import ManualClock
from banksman.security.sessions import IDLE_S
from banksman.web.fake_page import FakePage

Client = aiohttp.ClientSession


async def test_a_new_box_says_that_it_needs_its_first_password(client: Client) -> None:
    async with client.get("/api/v1/session") as answer:
        state = await answer.json()
    assert state == {
        "signed_in": False, "name": "", "csrf": "", "setup_needed": True, "login_to_read": False,
    }  # fmt: skip


async def test_setup_logs_the_operator_in(client: Client, operator: SimpleNamespace) -> None:
    async with client.get("/api/v1/session") as answer:
        state = await answer.json()
    assert state["signed_in"]
    assert state["csrf"] == operator.headers["X-CSRF-Token"]


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    page: FakePage, client: Client
) -> None:
    body = {"code": page.code, "password": "three words here"}
    async with client.post("/api/v1/session/setup", json=body) as answer:
        cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/" in cookie


async def test_login_and_logout_are_noted_for_the_audit(
    page: FakePage, client: Client, operator: SimpleNamespace
) -> None:
    async with client.delete("/api/v1/session", headers=operator.headers) as answer:
        assert answer.status == 200
    async with client.post("/api/v1/session", json={"password": operator.password}) as answer:
        assert answer.status == 200
    async with client.post("/api/v1/session", json={"password": "wrong password"}) as answer:
        assert answer.status == 401
    assert page.appliance.done == ["password_set", "logout", "login", "login_refused"]


async def test_after_logout_the_cookie_opens_nothing(
    client: Client, operator: SimpleNamespace
) -> None:
    cookies = {c.key: c.value for c in client.cookie_jar}
    async with client.delete("/api/v1/session", headers=operator.headers):
        pass
    async with client.post(
        "/api/v1/rules/reload", headers=operator.headers, cookies=cookies
    ) as answer:
        assert answer.status == 401


async def test_an_idle_session_ends_and_says_how_to_go_on(
    client: Client, operator: SimpleNamespace, clock: ManualClock
) -> None:
    clock.advance(IDLE_S)
    async with client.post("/api/v1/rules/reload", headers=operator.headers) as answer:
        assert answer.status == 401
        assert (await answer.json())["remedy"] == "Log in first."


async def test_unknown_fields_and_wrong_types_are_refused(client: Client) -> None:
    for body in ({"password": 1}, {"password": "x", "role": "root"}, [], "x", {}):
        async with client.post("/api/v1/session", json=body) as answer:
            assert answer.status == 400
