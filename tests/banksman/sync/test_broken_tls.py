"""Connections over mutual TLS that break after they were made: the link failed, nobody else."""

import asyncio
import math
import time

import pytest
from secured_site import SecuredSite

from banksman.sync.standing import KNOCK_S, LANES, NOBODY_MOST_S, Standing
from banksman.sync.transport import CONNECT_LEAST_S, Answer, NoAnswer, Transport
from banksman_cloud.endpoint import Endpoint
from banksman_cloud.storage.sqlite import SqliteEngine

NODE = "press"
HANDSHAKE_BYTES = 2_000  # about: our part of one with a certificate
WITHIN_S = 2.0  # the first critical row, from the link's return on


class Clock:
    """The endpoint's, which a test may put back."""

    behind_s = 0

    def __call__(self) -> int:
        return time.time_ns() - self.behind_s * 10**9


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def site(tmp_path, clock):
    engine = SqliteEngine(tmp_path / "secured.db")
    await engine.open()
    async with SecuredSite(Endpoint(engine, clock), tmp_path / "secured", clock) as running:
        yield running
    await engine.close()


@pytest.fixture
async def rig(site, line, make_rig, until):
    """An uplink that has been up, over a line that can break."""
    context = site.context(await site.enrol(NODE))
    line.to_port = site.port
    made = make_rig(url=f"https://127.0.0.1:{line.port}", tls=lambda: context)
    await until(lambda: made.status.state == "up", "the link is up")
    return made


@pytest.fixture
def arrives(site, until):
    async def wait(alarm: str) -> None:
        async def there() -> bool:
            statement = f"SELECT count(*) FROM record WHERE id = '{alarm}'"
            return [tuple(row) for row in await site.engine.read(lambda db: db.all(statement))] == [
                (1,)
            ]

        await until(there, "the alarm is at the endpoint, once")

    return wait


@pytest.fixture
def waits(rig):
    """How long each lane waits now."""

    def read() -> dict[str, float]:
        return {lane: rig.standing.wait_s(lane, time.monotonic()) for lane in LANES}

    return read


def no_longer_than_for_nobody(waits) -> bool:
    return all(wait_s <= NOBODY_MOST_S[lane] for lane, wait_s in waits.items())


async def test_bytes_that_vanish_are_nobody_there_and_the_row_arrives_when_they_pass_again(
    rig, line, put_alarm, until, arrives, waits
):
    line.fault = "stall"
    alarm = put_alarm()
    await until(lambda: rig.status.failed >= 3, "it was tried in vain")
    assert no_longer_than_for_nobody(waits())
    line.fault = ""
    await arrives(alarm)


async def test_connections_reset_after_some_bytes_are_nobody_there(
    rig, line, put_alarm, until, arrives, waits
):
    line.cut_each = HANDSHAKE_BYTES
    alarm = put_alarm()
    await until(lambda: line.cuts >= 8, "several connections were made and reset")
    await until(lambda: rig.status.failed >= 6, "and requests failed by it")
    assert no_longer_than_for_nobody(waits())
    line.cut_each = None
    await arrives(alarm)


async def test_answers_closed_in_their_middle_are_nobody_there(
    rig, line, put_alarm, until, arrives, waits
):
    line.close_after_back = 20  # within the first record of an answer
    alarm = put_alarm()
    await until(lambda: line.cuts == 1, "an answer was cut off")
    assert no_longer_than_for_nobody(waits())
    await arrives(alarm)


async def test_a_box_whose_certificate_has_ended_is_denied_and_knocks_now_and_then(
    site, clock, make_rig, put_alarm, until
):
    clock.behind_s = 91 * 86_400
    context = site.context(await site.enrol(NODE))
    clock.behind_s = 0
    rig = make_rig(url=site.url, tls=lambda: context)
    put_alarm()
    await until(lambda: rig.status.state == "denied", "it is told that its time is over")
    now_s = time.monotonic()
    waits_s = {lane: rig.standing.wait_s(lane, now_s) for lane in LANES}
    assert waits_s.pop("beat") > KNOCK_S / 2
    assert set(waits_s.values()) == {math.inf}


def test_a_connect_that_begins_as_the_link_returns_and_the_wait_after_it_leave_time_to_arrive():
    standing = Standing(0.0, chance=lambda: 1.0)
    for _ in range(50):
        standing.nobody("urgent", "broke off", 0.0)
    assert CONNECT_LEAST_S + standing.wait_s("urgent", 0.0) <= WITHIN_S - 0.25


def test_an_endpoint_in_trouble_holds_the_urgent_lane_for_less_than_two_seconds():
    standing = Standing(0.0, chance=lambda: 1.0)
    for _ in range(50):
        standing.trouble("urgent", "500", None, 0.0)
        standing.trouble("bulk", "500", None, 0.0)
    assert standing.wait_s("urgent", 0.0) < 2.0
    assert standing.wait_s("bulk", 0.0) == 60.0


@pytest.mark.parametrize(("chance", "waits_s"), [(0.0, 20.0), (0.5, 22.5), (1.0, 25.0)])
def test_what_is_sent_away_together_does_not_come_back_together(chance, waits_s):
    standing = Standing(0.0, chance=lambda: chance)
    standing.trouble("urgent", "it is busy", 20.0, 0.0)
    assert standing.wait_s("urgent", 0.0) == pytest.approx(waits_s)


@pytest.mark.parametrize(("chance", "share"), [(0.0, 1.0), (0.5, 1.125), (1.0, 1.25)])
def test_boxes_that_are_denied_together_do_not_knock_together(chance, share):
    standing = Standing(0.0, chance=lambda: chance)
    standing.denied("403", 0.0)
    assert standing.wait_s("beat", 0.0) == pytest.approx(share * KNOCK_S)


HOLD, RESET = b"/hold", b"/reset"


@pytest.fixture
async def peer():
    """Holds what asks for /hold until ``let_go``, breaks off what asks for /reset."""
    held, let_go, tasks = asyncio.Event(), asyncio.Event(), []

    async def serve(reader, writer) -> None:
        tasks.append(asyncio.current_task())
        head = await reader.readuntil(b"\r\n\r\n")
        if RESET in head:
            writer.transport.abort()
            return
        held.set()
        await let_go.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", held, let_go
    server.close()
    let_go.set()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_request_that_breaks_off_leaves_those_of_other_lanes_on_their_way(peer):
    url, held, let_go = peer
    async with Transport(url, time.monotonic) as transport:
        slow = asyncio.create_task(transport.call("POST", HOLD.decode(), b"x", 30))
        await held.wait()
        with pytest.raises(NoAnswer) as broken:
            await transport.call("POST", RESET.decode(), b"x", 30)
        assert (broken.value.reached, broken.value.unsent) == (False, False)
        assert not slow.done()
        let_go.set()
        answer = await slow
    assert isinstance(answer, Answer)
    assert answer.body == b"ok"


async def test_a_request_that_is_not_answered_in_time_says_that_it_was_silent(peer):
    url, _, _ = peer
    async with Transport(url, time.monotonic) as transport:
        with pytest.raises(NoAnswer, match=r"no answer within 0\.2 s") as silent:
            await transport.call("POST", HOLD.decode(), b"x", 0.2)
    assert (silent.value.silent, silent.value.reached, silent.value.unsent) == (True, False, False)
