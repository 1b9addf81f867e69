"""Sockets leave by the interface that was chosen; one that is deaf is left for another."""

import socket
import time

import pytest

from banksman.sync.transport import NoAnswer, Transport
from banksman.sync.watch import DEAF_AFTER_S, LinkWatch
from banksman.sync.way import socket_by
from banksman_drivers.links.values import InterfaceFacts, LinkRule

WIRE = InterfaceFacts("eth0", "ethernet", up=True, routed=True, metric=100)
MODEM = InterfaceFacts("wwan0", "modem", up=True, routed=True, metric=700)


async def test_a_request_leaves_by_the_interface_that_was_chosen(cloud):
    async with Transport(f"http://127.0.0.1:{cloud.port}", time.monotonic) as transport:
        await transport.leave_by("lo")
        answer = await transport.call("GET", "/healthz", b"", 10)
    assert answer.status == 200
    assert answer.round_trip_s is not None


async def test_an_interface_that_has_gone_is_named(cloud):
    async with Transport(f"http://127.0.0.1:{cloud.port}", time.monotonic) as transport:
        await transport.leave_by("gone0")
        with pytest.raises(NoAnswer, match="gone0"):
            await transport.call("GET", "/healthz", b"", 10)


async def test_a_token_file_that_is_missing_is_told_and_not_a_crash(cloud, tmp_path):
    url = f"http://127.0.0.1:{cloud.port}"
    async with Transport(url, time.monotonic, token_file=tmp_path / "none") as transport:
        with pytest.raises(NoAnswer, match="none"):
            await transport.call("GET", "/healthz", b"", 10)


async def test_without_link_tables_no_socket_is_bound_and_a_modem_is_metered():
    watch = LinkWatch((), lambda: [MODEM])
    await watch.look(0.0)
    assert (watch.bound_to, watch.choice.interface, watch.choice.metered) == (None, "wwan0", True)


async def test_an_interface_over_which_nobody_answers_is_left_for_another():
    watch = LinkWatch([LinkRule("eth0"), LinkRule("wwan0")], lambda: [WIRE, MODEM])
    await watch.look(0.0)
    assert watch.bound_to == "eth0"
    await watch.look(15.0, down_s=DEAF_AFTER_S - 1)
    assert watch.bound_to == "eth0"
    assert await watch.look(DEAF_AFTER_S + 5, down_s=DEAF_AFTER_S + 1)
    assert watch.bound_to == "wwan0"


async def test_the_only_interface_is_never_left():
    watch = LinkWatch([LinkRule("eth0")], lambda: [WIRE])
    await watch.look(0.0)
    await watch.look(900.0, down_s=900.0)
    assert watch.bound_to == "eth0"


@pytest.mark.parametrize(("silent_most_s", "silent_ms"), [(None, 0), (10.0, 10_000)])
def test_the_kernel_gives_up_what_nobody_acknowledges_for_as_long_as_was_asked(
    silent_most_s, silent_ms
):
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 9))
    with socket_by("lo", address, silent_most_s) as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == silent_ms
        assert not sock.getblocking()
