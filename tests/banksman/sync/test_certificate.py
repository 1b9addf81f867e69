"""The certificate's keeper against the real endpoint: taken, renewed, swapped, told."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from secured_site import SecuredSite

from banksman.errors import IdentityError
from banksman.security.identity import FILE_NAME, parse
from banksman.sync.certificate import AGAIN_S, NOBODY_AGAIN_S, CertificateKeeper
from banksman.sync.enrol import Trust, enrol
from banksman.sync.sessions import Sessions
from banksman.sync.transport import NoAnswer, Transport
from banksman_cloud.endpoint import Endpoint
from banksman_cloud.storage.sqlite import SqliteEngine

NODE = "press3"
DAY_S = 86_400.0


@pytest.fixture
async def site(tmp_path) -> AsyncIterator[SecuredSite]:
    engine = SqliteEngine(tmp_path / "cloud.db")
    await engine.open()
    async with SecuredSite(Endpoint(engine, time.time_ns), tmp_path / "cloud") as running:
        yield running
    await engine.close()


class Alarms:
    """Remembers what holds."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}

    def raise_alarm(self, key, text, priority, cause) -> None:
        self.held[key] = text

    def clear_alarm(self, key) -> None:
        self.held.pop(key, None)


class Box:
    """A keeper whose clocks the test moves."""

    def __init__(self, file: Path, url: str) -> None:
        self.file = file
        self.ahead_s = 0.0
        self.mono = 0.0
        self.alarms = Alarms()
        self.keeper = CertificateKeeper(
            file, url, NODE, self.alarms, lambda: time.time() + self.ahead_s, lambda: self.mono
        )

    @property
    def status(self):
        return self.keeper.status()


@pytest.fixture
async def box(site, tmp_path) -> AsyncIterator[Box]:
    made = Box(tmp_path / FILE_NAME, site.url)
    yield made
    await made.keeper._transport.forget()


async def enrolled(site, box) -> None:
    trust = Trust(site.secured.authority.pem(), "", accept=False)
    await enrol(site.url, NODE, await site.token(NODE), trust, box.file)


async def test_without_an_identity_it_says_what_to_do(box):
    await box.keeper.look()
    assert (box.status.state, box.keeper.context()) == ("none", None)
    assert "banksman enrol" in box.status.message
    assert not box.alarms.held


async def test_what_enrol_writes_is_taken_by_a_running_daemon(site, box):
    await box.keeper.look()
    await enrolled(site, box)
    await box.keeper.look()
    assert box.status.state == "good"
    assert box.status.ends_wall_ns > time.time_ns()
    first = box.keeper.context()
    await box.keeper.look()
    assert box.keeper.context() is first


async def test_it_renews_at_two_thirds_of_its_life_with_a_new_key_and_not_before(site, box):
    await enrolled(site, box)
    before = box.file.read_bytes()
    box.ahead_s = 58 * DAY_S
    await box.keeper.look()
    assert box.file.read_bytes() == before
    box.ahead_s = 62 * DAY_S
    context = box.keeper.context()
    await box.keeper.look()
    after = box.file.read_bytes()
    assert after != before
    assert after.split(b"END PRIVATE KEY")[0] != before.split(b"END PRIVATE KEY")[0]
    assert box.keeper.context() is not context
    assert (box.status.renewals, box.status.failures) == (1, 0)
    box.ahead_s = 0
    assert box.status.state == "good"
    pair = box.file
    status, _, _ = await site.ingest(pair, node=NODE)
    assert status == 200


async def test_a_renewal_that_fails_is_tried_again_with_back_off_and_rings_late(site, box, caplog):
    await enrolled(site, box)
    await site.revoke(NODE)
    box.ahead_s = 62 * DAY_S
    with caplog.at_level(logging.WARNING):
        await box.keeper.look()
    assert (box.status.state, box.status.failures) == ("due", 1)
    assert "is revoked" in box.status.message
    assert not box.alarms.held
    await box.keeper.look()
    assert box.status.failures == 1
    box.mono += AGAIN_S[0]
    await box.keeper.look()
    assert box.status.failures == 2
    box.ahead_s = 80 * DAY_S
    await box.keeper.look()
    assert "ends in 10.0 days" in box.alarms.held["certificate"]
    await site.restore(NODE)
    box.mono += 4 * AGAIN_S[0]
    await box.keeper.look()
    assert box.status.renewals == 1
    box.ahead_s = 0
    await box.keeper.look()
    assert not box.alarms.held
    assert "PRIVATE" not in caplog.text


async def test_an_endpoint_that_is_away_costs_only_another_try(site, tmp_path):
    box = Box(tmp_path / FILE_NAME, "https://127.0.0.1:1")
    await enrolled(site, box)
    box.ahead_s = 62 * DAY_S
    await box.keeper.look()
    assert box.status.failures == 1
    assert "cannot be reached" in box.status.message


async def test_an_ended_certificate_is_told_with_the_remedy_and_asks_nobody(site, box):
    await enrolled(site, box)
    box.ahead_s = 95 * DAY_S
    await box.keeper.look()
    assert box.status.state == "ended"
    assert "banksman enrol URL TOKEN" in box.alarms.held["certificate"]
    assert box.status.failures == 0


async def test_a_clock_that_is_wrong_renews_nothing(site, box):
    await enrolled(site, box)
    box.ahead_s = -400 * DAY_S
    await box.keeper.look()
    assert (box.status.state, box.status.renewals) == ("clock", 0)
    assert "set it" in box.alarms.held["certificate"]


async def test_a_damaged_file_and_one_of_another_node_are_told(site, box, tmp_path):
    box.file.write_bytes(b"garbage")
    await box.keeper.look()
    assert (box.status.state, box.keeper.context()) == ("damaged", None)
    trust = Trust(site.secured.authority.pem(), "", accept=False)
    await enrol(site.url, "oven1", await site.token("oven1"), trust, box.file)
    await box.keeper.look()
    assert "is of node oven1" in box.alarms.held["certificate"]
    await enrolled(site, box)
    await box.keeper.look()
    assert (box.status.state, box.alarms.held) == ("good", {})


async def test_an_identity_made_anew_meanwhile_is_not_overwritten(site, box, monkeypatch):
    await enrolled(site, box)
    await box.keeper.look()
    est = box.keeper._est
    renew = est.renew

    async def renewed_late(body: bytes) -> bytes:
        answer = await renew(body)
        await enrolled(site, box)
        return answer

    monkeypatch.setattr(est, "renew", renewed_late)
    box.ahead_s = 62 * DAY_S
    await box.keeper.look()
    anew = box.file.read_bytes()
    assert box.status.renewals == 0
    box.ahead_s = 0
    await box.keeper.look()
    assert box.file.read_bytes() == anew
    assert box.status.serial == parse(anew).serial


async def test_a_new_context_drops_nothing_that_is_in_flight():
    """A request is held at the far end while the context changes."""
    held, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        held.set()
        await go_on.wait()
        return web.Response(text="whole")

    contexts: list[object | None] = [None, object()]
    app = web.Application()
    app.router.add_get("/", slow)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    def make(_context):
        import aiohttp

        return aiohttp.ClientSession()

    sessions = Sessions(lambda: contexts[0], make)

    async def ask() -> tuple[object, str]:
        async with sessions.lend() as session, session.get(url) as answer:
            return session, await answer.text()

    first = asyncio.create_task(ask())
    await held.wait()
    contexts.reverse()
    held.clear()
    second = asyncio.create_task(ask())
    await held.wait()
    go_on.set()
    (one, told), (two, told_two) = await first, await second
    assert (told, told_two, one is two) == ("whole", "whole", False)
    assert one.closed
    assert not two.closed
    await sessions.forget()
    assert two.closed
    await runner.cleanup()


async def test_the_uplinks_transport_goes_on_over_a_renewal(site, box):
    await enrolled(site, box)
    await box.keeper.look()
    async with Transport(site.url, time.monotonic, tls=box.keeper.context) as transport:
        assert (await transport.call("GET", "/healthz", b"", 5)).status == 200
        box.ahead_s = 62 * DAY_S
        await box.keeper.look()
        assert box.status.renewals == 1
        assert (await transport.call("POST", "/v1/decide", b"{}", 5)).status == 400


# Enrolling


async def test_nobody_is_trusted_silently(site, tmp_path):
    file = tmp_path / FILE_NAME
    token = await site.token(NODE)
    asked = await enrol(site.url, NODE, token, Trust(None, "", accept=False), file)
    assert (asked.confirm, asked.fingerprint) == (True, site.secured.authority.fingerprint)
    assert not file.exists()
    with pytest.raises(IdentityError, match="Nothing was sent"):
        await enrol(site.url, NODE, token, Trust(None, "00" * 32, accept=False), file)
    typed = asked.fingerprint.replace(":", "").lower()
    done = await enrol(site.url, NODE, token, Trust(None, typed, accept=False), file)
    assert parse(file.read_bytes()).serial == done.serial


async def test_a_man_in_the_middle_gets_no_token(site, tmp_path):
    """His authority has our authority's name; the person gave our fingerprint or our PEM."""
    engine = SqliteEngine(tmp_path / "evil.db")
    await engine.open()
    async with SecuredSite(Endpoint(engine, time.time_ns), tmp_path / "evil") as evil:
        asked: list[str] = []
        seen = evil.site.gate.doors.asked
        evil.site.gate.doors.asked = lambda transport: (asked.append("asked"), seen(transport))[1]
        ours = site.secured.authority
        file = tmp_path / FILE_NAME
        trust = Trust(None, ours.fingerprint, accept=False)
        with pytest.raises(IdentityError, match="somebody may stand in between"):
            await enrol(evil.url, NODE, "AAAAA", trust, file)
        assert len(asked) == 1  # cacerts
        with pytest.raises(NoAnswer):
            await enrol(evil.url, NODE, "AAAAA", Trust(ours.pem(), "", accept=False), file)
        assert len(asked) == 1
        assert not file.exists()
    await engine.close()


async def test_a_refused_token_leaves_no_file(site, tmp_path):
    trust = Trust(site.secured.authority.pem(), "", accept=False)
    with pytest.raises(IdentityError, match="no such token"):
        await enrol(site.url, NODE, "AAAAA-AAAAA", trust, tmp_path / FILE_NAME)
    assert not (tmp_path / FILE_NAME).exists()


async def test_it_renews_where_the_uplink_leaves_and_tells_it(site, box):
    class Sender:
        interface = "lo"
        up = True
        told = 0

        def try_anew(self) -> None:
            self.told += 1

    await enrolled(site, box)
    await box.keeper.look()
    sender = Sender()
    box.keeper.join(sender)
    box.ahead_s = 62 * DAY_S
    await box.keeper.look()
    assert (sender.told, box.status.renewals) == (1, 1)
    assert box.keeper._transport.interface == "lo"


async def test_a_failed_renewal_is_tried_at_once_when_the_link_is_back(site, box, monkeypatch):
    class Sender:
        interface = None
        up = False

        def try_anew(self) -> None: ...

    async def nobody(*_args: object) -> bytes:
        raise NoAnswer("cannot be reached", unsent=True)

    await enrolled(site, box)
    sender = Sender()
    box.keeper.join(sender)
    box.ahead_s = 62 * DAY_S
    with monkeypatch.context() as away:
        away.setattr(box.keeper._est, "cacerts", nobody)
        for tries in range(1, 12):
            await box.keeper.look()
            assert box.status.failures == tries
            box.mono += NOBODY_AGAIN_S
        box.mono -= NOBODY_AGAIN_S
    await box.keeper.look()
    assert (box.status.renewals, box.status.failures) == (0, 11), "still within its wait"
    sender.up = True
    await box.keeper.look()
    assert (box.status.renewals, box.status.failures) == (1, 0)


async def test_a_refused_renewal_is_not_hurried_while_the_link_stays_up(site, box):
    class Sender:
        interface = None
        up = True

        def try_anew(self) -> None: ...

    await enrolled(site, box)
    await site.revoke(NODE)
    box.keeper.join(Sender())
    box.ahead_s = 62 * DAY_S
    for _ in range(3):
        await box.keeper.look()
    assert box.status.failures == 1


async def test_an_order_renews_it_before_it_is_due_and_a_failure_is_told(site, box):
    await enrolled(site, box)
    await box.keeper.look()
    before = box.status.serial
    assert "holds until" in await box.keeper.renew_now()
    assert box.status.serial != before
    await site.revoke("press3")
    with pytest.raises(IdentityError, match="could not be renewed"):
        await box.keeper.renew_now()
    assert box.status.state == "good", "the one it has serves on"


async def test_without_a_certificate_there_is_none_to_renew(box):
    with pytest.raises(IdentityError, match="enrol"):
        await box.keeper.renew_now()
