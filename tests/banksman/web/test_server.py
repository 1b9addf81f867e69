import asyncio
import json
import ssl
import stat
import time
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest

from banksman.clock import ManualClock
from banksman.config.schema_services import WebSettings
from banksman.web.fake_page import FakePage
from banksman.wire.messages import Priority


@pytest.fixture
def clock() -> ManualClock:
    """Begins now: TLS clients check a certificate's dates by their own clock."""
    return ManualClock(wall_ns=time.time_ns())


def anywhere(**more: object) -> WebSettings:
    return WebSettings().model_copy(update={"port": 0, **more})


def trusting(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "page-certificate.pem"))
    context.check_hostname = False
    return context


async def test_beyond_loopback_it_speaks_https_with_its_own_certificate(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with FakePage(clock, tmp_path, anywhere(bind="0.0.0.0")) as page:
        assert any("SHA-256" in line for line in page.said)
        async with (
            aiohttp.ClientSession(page.url) as client,
            client.get("/healthz", ssl=trusting(tmp_path)) as answer,
        ):
            assert answer.status == 200
            assert "max-age" in answer.headers["Strict-Transport-Security"]


async def test_beyond_loopback_plain_http_is_not_answered(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with FakePage(clock, tmp_path, anywhere(bind="0.0.0.0")) as page:
        plain = page.url.replace("https", "http")
        async with aiohttp.ClientSession() as client:
            with pytest.raises(aiohttp.ClientError):
                await client.get(f"{plain}/healthz")


async def test_beyond_loopback_nothing_is_read_without_login(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with FakePage(clock, tmp_path, anywhere(bind="0.0.0.0")) as page:
        context = trusting(tmp_path)
        async with aiohttp.ClientSession(page.url) as client:
            for route in page.server._runner.app.router.routes():
                path = route.resource.canonical.replace("{name}", "app.js")
                path = path.replace("{id}", "x").replace("{part}", "good-0001")
                if route.method != "GET":
                    continue
                async with client.get(path, ssl=context) as answer:
                    public = path in {
                        "/", "/api", "/static/app.js", "/healthz", "/readyz", "/api/v1/session",
                    }  # fmt: skip
                    assert answer.status == (200 if public else 401), path


async def test_beyond_loopback_a_login_opens_reading(clock: ManualClock, tmp_path: Path) -> None:
    async with FakePage(clock, tmp_path, anywhere(bind="0.0.0.0")) as page:
        context = trusting(tmp_path)
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(page.url, cookie_jar=jar) as client:
            body = {"code": page.code, "password": "three words here"}
            async with client.post("/api/v1/session/setup", json=body, ssl=context) as answer:
                cookie = answer.headers["Set-Cookie"]
            assert cookie.startswith("__Host-banksman=")
            assert "Secure" in cookie
            async with client.get("/api/v1/status", ssl=context) as answer:
                assert answer.status == 200


async def test_on_loopback_no_certificate_is_made(page: FakePage, tmp_path: Path) -> None:
    assert not page.server.remote
    assert not (tmp_path / "page-certificate.pem").exists()


async def test_a_taken_port_is_an_error_and_leaves_nothing_behind(
    page: FakePage, clock: ManualClock, tmp_path: Path
) -> None:
    second = FakePage(clock, tmp_path, anywhere(port=page.server.port))
    with pytest.raises(OSError, match="address already in use"):
        await second.server.start()
    assert second.server._tasks == []


@pytest.fixture
async def local(clock: ManualClock, tmp_path: Path):
    """A page with a Unix socket, and a client on that socket."""
    path = tmp_path / "run" / "page.sock"
    async with FakePage(clock, tmp_path, anywhere(socket=str(path))) as page:
        connector = aiohttp.UnixConnector(str(path))
        async with aiohttp.ClientSession("http://box", connector=connector) as client:
            yield SimpleNamespace(page=page, client=client, path=path)


async def test_the_socket_is_for_its_group_only(local: SimpleNamespace) -> None:
    assert stat.S_IMODE(local.path.stat().st_mode) == 0o660


async def test_over_the_socket_a_local_operator_reads_acknowledges_and_reloads(
    local: SimpleNamespace,
) -> None:
    local.page.appliance.alarm("a", "text", Priority.NORMAL)
    async with local.client.get("/api/v1/status") as answer:
        assert answer.status == 200
    async with local.client.post("/api/v1/alarms/a/acknowledge") as answer:
        assert (await answer.json())["by"].startswith("uid ")
    async with local.client.post("/api/v1/rules/reload") as answer:
        assert answer.status == 200


async def test_over_the_socket_no_trip_is_reset(local: SimpleNamespace) -> None:
    local.page.appliance.trip("conveyor_jam", "belt stands", holds=False)
    async with local.client.post("/api/v1/trips/conveyor_jam/reset") as answer:
        assert answer.status == 403
    assert "reset" not in local.page.appliance.done


async def test_the_socket_is_gone_after_the_stop(local: SimpleNamespace) -> None:
    await local.page.server.stop()
    assert not local.path.exists()


async def test_a_socket_left_by_a_dead_daemon_is_replaced(
    clock: ManualClock, tmp_path: Path
) -> None:
    path = tmp_path / "page.sock"
    dead = await asyncio.start_unix_server(lambda *_: None, str(path))
    dead.close()
    async with FakePage(clock, tmp_path, anywhere(socket=str(path))):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"GET /healthz HTTP/1.0\r\nHost: box\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2]) == {"alive": True}
