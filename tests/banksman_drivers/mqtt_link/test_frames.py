from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.mqtt_frames import NotMqtt, PacketSplitter


def packet(kind: int, body: bytes) -> bytes:
    length, header = len(body), bytearray([kind])
    while True:
        length, digit = divmod(length, 128)
        header.append(digit | (128 if length else 0))
        if not length:
            return bytes(header) + body


def drain(splitter: PacketSplitter) -> list[bytes]:
    found = []
    while (one := splitter.next_packet()) is not None:
        found.append(one)
    return found


packets = st.lists(
    st.builds(packet, st.integers(0, 255), st.binary(max_size=300)), min_size=1, max_size=8
)


@given(packets, st.data())
def test_packets_come_out_whole_however_the_stream_was_cut(sent, data):
    stream = b"".join(sent)
    splitter = PacketSplitter(1000)
    found = []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        splitter.feed(stream[:cut])
        found += drain(splitter)
        stream = stream[cut:]
    assert found == sent


@given(packets, st.integers(2, 200), st.data())
def test_packets_over_the_limit_are_counted_and_only_they_are_missing(sent, limit, data):
    stream = b"".join(sent)
    splitter = PacketSplitter(limit)
    found = []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        splitter.feed(stream[:cut])
        found += drain(splitter)
        stream = stream[cut:]
    assert found == [one for one in sent if len(one) <= limit]
    assert splitter.oversized == len(sent) - len(found)


def test_a_giant_is_thrown_away_as_it_comes_and_never_held():
    splitter = PacketSplitter(100)
    giant = packet(0x30, bytes(200_000_000 // 100))
    splitter.feed(giant[:5])
    assert splitter.next_packet() is None
    for at in range(5, len(giant), 65_536):
        splitter.feed(giant[at : at + 65_536])
        assert splitter.next_packet() is None
        assert len(splitter._buffer) == 0
    splitter.feed(packet(0xD0, b""))
    assert drain(splitter) == [packet(0xD0, b"")]


@given(st.binary(max_size=200))
def test_any_bytes_give_packets_or_the_one_error(noise):
    splitter = PacketSplitter(50)
    splitter.feed(noise)
    try:
        found = drain(splitter)
    except NotMqtt:
        return
    assert all(2 <= len(one) <= 50 for one in found)


def test_a_length_of_five_bytes_is_no_mqtt():
    splitter = PacketSplitter(100)
    splitter.feed(b"\x30\x80\x80\x80\x80\x01")
    with pytest.raises(NotMqtt):
        splitter.next_packet()
