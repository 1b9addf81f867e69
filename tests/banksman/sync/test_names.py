"""Names of hosts: a name server that hangs holds up nobody, and what was known is used."""

import asyncio
import socket
import threading
import time

import pytest

from banksman.sync import names
from banksman.sync.names import HOSTS_MOST, THREADS_MOST, Names
from banksman.sync.transport import NoAnswer, Transport


class Server:
    """A name server that can hang or fail; ``let_go`` lets those that hang answer."""

    def __init__(self) -> None:
        self.fault: OSError | None = None
        self.let_go = threading.Event()
        self.let_go.set()
        self.asked = 0
        self.address = "127.0.0.1"

    def look(self, host, port, **_):
        self.asked += 1
        assert self.let_go.wait(60)
        if self.fault is not None:
            raise self.fault
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.address, port))]


@pytest.fixture
def server():
    made = Server()
    yield made
    made.let_go.set()


@pytest.fixture
def hurry(monkeypatch):
    monkeypatch.setattr(names, "WITHIN_S", 0.05)
    monkeypatch.setattr(names, "KEPT_WITHIN_S", 0.05)


async def test_a_name_becomes_its_addresses(server):
    (found,) = await Names(server.look).resolve("cloud.plant", 443)
    assert (found["host"], found["port"], found["hostname"]) == ("127.0.0.1", 443, "cloud.plant")


@pytest.mark.parametrize("fault", [socket.gaierror(-3, "try again"), socket.gaierror(-2, "none")])
async def test_what_was_known_is_used_while_the_name_server_fails(server, fault):
    asked = Names(server.look)
    before = await asked.resolve("cloud.plant", 443)
    server.fault = fault
    assert await asked.resolve("cloud.plant", 443) == before
    assert asked.kept == 1
    with pytest.raises(OSError, match=r"the name other\.plant is not found"):
        await asked.resolve("other.plant", 443)


async def test_a_name_server_that_hangs_holds_up_nobody_and_only_so_many_threads(server, hurry):
    asked = Names(server.look)
    before = await asked.resolve("cloud.plant", 443)
    server.let_go.clear()
    for _ in range(THREADS_MOST + 5):
        assert await asked.resolve("cloud.plant", 443) == before
    with pytest.raises(OSError, match="no answer yet"):
        await asked.resolve("other.plant", 443)
    assert server.asked == 1 + THREADS_MOST
    # Whoever needs the loop's own threads has them.
    assert await asyncio.to_thread(lambda: "free") == "free"


async def test_an_answer_that_came_too_late_serves_the_next(server, hurry, until):
    asked = Names(server.look)
    server.let_go.clear()
    with pytest.raises(OSError, match="no name server answers"):
        await asked.resolve("cloud.plant", 443)
    server.let_go.set()
    await until(lambda: asked._good, "it has come")
    server.fault = OSError("gone again")
    assert await asked.resolve("cloud.plant", 443)


async def test_an_endpoint_that_has_moved_is_found_at_its_new_address(server):
    asked = Names(server.look)
    await asked.resolve("cloud.plant", 443)
    server.address = "127.0.0.2"
    (found,) = await asked.resolve("cloud.plant", 443)
    assert found["host"] == "127.0.0.2"


async def test_what_is_known_is_bounded(server):
    asked = Names(server.look)
    for number in range(3 * HOSTS_MOST):
        await asked.resolve(f"host{number}", 443)
    assert len(asked._good) == HOSTS_MOST


@pytest.mark.parametrize("host", ["x" * 80, "a..b", "\u0130" * 70])
async def test_what_is_no_name_is_not_found_and_no_crash(host):
    with pytest.raises(OSError, match="is not found"):
        await Names().resolve(host, 443)


async def test_a_name_that_is_not_found_is_an_endpoint_that_cannot_be_reached(server):
    server.fault = socket.gaierror(-2, "Name or service not known")
    transport = Transport("http://cloud.plant", time.monotonic, resolver=Names(server.look))
    async with transport:
        with pytest.raises(NoAnswer, match=r"the name cloud\.plant is not found") as none:
            await transport.call("GET", "/healthz", b"", 5)
    assert (none.value.unsent, none.value.reached) == (True, False)
