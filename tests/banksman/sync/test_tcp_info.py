"""What the kernel tells of a connection, and what is claimed where it tells nothing."""

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from banksman.sync.tcp_info import BYTES, TcpInfo, parse, read


def told(**at: int) -> bytes:
    data = bytearray(BYTES)
    for place, value in at.items():
        struct.pack_into("=I", data, int(place[1:]), value)
    return bytes(data)


def test_round_trips_and_window_are_where_linux_has_them():
    found = parse(told(_16=1448, _68=41_000, _80=10, _148=40_000))
    assert found == TcpInfo(0.041, 0.04, 14_480)


def test_a_least_round_trip_that_was_never_measured_is_none():
    assert parse(told(_148=2**32 - 1)).least_trip_s is None


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data):
    found = parse(data)
    assert found.window_bytes is None or found.window_bytes > 0


def test_an_older_kernel_tells_less():
    found = parse(told(_16=1448, _68=41_000, _80=10, _148=40_000)[:104])
    assert found == TcpInfo(0.041, None, 14_480)


def test_a_connection_of_this_machine_has_a_round_trip_and_a_closed_one_nothing():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as sock:
            assert (read(sock).round_trip_s or 0) > 0
        assert read(sock) == TcpInfo()
    assert read(None) == TcpInfo()
