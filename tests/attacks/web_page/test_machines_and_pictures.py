"""Someone turns to what the page says of machines, pictures, shelved alarms and teaching."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from banksman.web.fake_page import FakePage
from banksman.wire.messages import Priority

Client = aiohttp.ClientSession
Send = Callable[[bytes], Awaitable[bytes]]

CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/api/v1/alarms/bearing.warm/shelve", {"minutes": 5}),
    ("/api/v1/machines/press/renew", {}),
    ("/api/v1/machines/press/back", {"version": 1}),
    ("/api/v1/exhibits/press-line-2-41-900/answer", {"answer": "good"}),
    ("/api/v1/inspections/caps/commission/collect", {"what": "good", "wanted": 5}),
    ("/api/v1/inspections/caps/commission/pause", {}),
    ("/api/v1/inspections/caps/commission/fit", {}),
    ("/api/v1/inspections/caps/commission/save", {"rate": 0.01}),
    ("/api/v1/inspections/caps/commission/confirm", {}),
    ("/api/v1/inspections/caps/commission/roll_back", {}),
    ("/api/v1/inspections/caps/commission/drop", {}),
)
PATHS = [path for path, _ in CHANGES]
STRANGE = (
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2fappliance.toml",
    "..",
    "%00",
    "a%0d%0aX-Evil:%201",
    "%1b%5b2J",
    "%ff%fe",
    "%3Cscript%3E",
    "x" * 4000,
)


@pytest.fixture
def warm(page: FakePage) -> FakePage:
    """An alarm that may be shelved."""
    page.appliance.alarm("bearing.warm", "the bearing is warm", Priority.NORMAL)
    return page


@pytest.mark.parametrize(("path", "body"), CHANGES, ids=PATHS)
async def test_whoever_is_not_logged_in_changes_nothing(
    warm: FakePage, client: Client, path: str, body: dict[str, Any]
) -> None:
    async with client.post(path, json=body) as answer:
        assert answer.status == 401
    assert warm.appliance.done == []


@pytest.mark.parametrize(("path", "body"), CHANGES, ids=PATHS)
async def test_a_cookie_without_its_csrf_token_changes_nothing(
    warm: FakePage, client: Client, operator: SimpleNamespace, path: str, body: dict[str, Any]
) -> None:
    done = list(warm.appliance.done)
    async with client.post(path, json=body) as answer:
        assert answer.status == 403
    assert warm.appliance.done == done


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize(
    "where",
    [
        "/api/v1/exhibits/{}/picture",
        "/api/v1/machines/{}",
        "/api/v1/inspections/{}/commission",
        "/api/v1/exhibits?station={}",
        "/api/v1/exhibits?before={}",
    ],
)
async def test_a_strange_name_finds_nothing_and_leads_nowhere(
    send_raw: Send, where: str, name: str
) -> None:
    path = where.format(name)
    answer = await send_raw(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    # As a page to go on from, an id that is not there is only a place in the order.
    assert head.split()[1] in ({b"200", b"400"} if "before" in where else {b"400", b"404"})
    assert b"X-Evil" not in head
    assert b"root:" not in body
    assert b"\x1b" not in body


@pytest.mark.parametrize("minutes", ["NaN", "Infinity", "-1", "1e308", "-1e-300", "721", '"5"'])
async def test_no_alarm_is_shelved_for_a_time_that_is_none(
    warm: FakePage, client: Client, operator: SimpleNamespace, minutes: str
) -> None:
    headers = {**operator.headers, "Content-Type": "application/json"}
    async with client.post(
        "/api/v1/alarms/bearing.warm/shelve", data=f'{{"minutes": {minutes}}}', headers=headers
    ) as answer:
        assert answer.status in (400, 409)
    (alarm,) = (one for one in warm.appliance.alarms() if one.key == "bearing.warm")
    assert alarm.shelved_until_wall_ns == 0


@pytest.mark.parametrize("name", STRANGE)
async def test_an_alarm_of_a_strange_name_is_not_shelved(
    warm: FakePage, client: Client, operator: SimpleNamespace, send_raw: Send, name: str
) -> None:
    raw = (
        f"POST /api/v1/alarms/{name}/shelve HTTP/1.1\r\nHost: localhost\r\n"
        f"Cookie: banksman={operator.token}\r\nX-CSRF-Token: {operator.csrf}\r\n"
        "Content-Type: application/json\r\nContent-Length: 14\r\nConnection: close\r\n\r\n"
        '{"minutes": 5}'
    )
    answer = await send_raw(raw.encode())
    assert answer.split()[1] in {b"400", b"404"}


@pytest.mark.parametrize(("path", "body"), [each for each in CHANGES if each[1]])
async def test_a_huge_body_is_refused(
    page: FakePage, client: Client, operator: SimpleNamespace, path: str, body: dict[str, Any]
) -> None:
    huge = {**body, "label": "x" * 1_000_000}
    async with client.post(path, json=huge, headers=operator.headers) as answer:
        assert answer.status == 413


async def test_no_folder_of_the_box_is_read_for_somebody_on_the_network(
    client: Client, operator: SimpleNamespace
) -> None:
    body = {"what": "good", "folder": "/etc"}
    async with client.post(
        "/api/v1/inspections/caps/commission/collect", json=body, headers=operator.headers
    ) as answer:
        assert answer.status == 403


@pytest.mark.parametrize("rate", ["NaN", "-0.1", "0", "1", "1e400", '"0.1"', "null"])
async def test_no_bundle_is_built_for_a_rate_that_is_none(
    client: Client, operator: SimpleNamespace, rate: str
) -> None:
    headers = {**operator.headers, "Content-Type": "application/json"}
    async with client.post(
        "/api/v1/inspections/caps/commission/save", data=f'{{"rate": {rate}}}', headers=headers
    ) as answer:
        assert answer.status == 400
