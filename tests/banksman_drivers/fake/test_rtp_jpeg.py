"""JPEG over RTP, as RFC 2435 writes it."""

import contextlib
import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.camera import library
from banksman_drivers.fake.camera import Scene
from banksman_drivers.fake.rtp_jpeg import FRAGMENT_BYTES, Packer, read_jpeg


def jpeg_of(width, height, *options):
    image = Scene(width, height).draw(0, None)
    return library.load().imencode(".jpg", image, options)[1].tobytes()


def test_a_picture_is_taken_apart():
    jpeg = read_jpeg(jpeg_of(320, 240))
    assert (jpeg.kind, jpeg.width, jpeg.height, len(jpeg.tables)) == (1, 320, 240, 128)


def test_the_packets_of_a_picture_make_its_scan_and_only_the_last_is_marked():
    jpeg, packer = read_jpeg(jpeg_of(320, 240)), Packer()
    packets = list(packer.packets(jpeg, 90_000))
    assert len(packets) > 2
    scan = b""
    for number, packet in enumerate(packets):
        version, kind, sequence, timestamp, _ = struct.unpack_from(">BBHII", packet)
        (offset,) = struct.unpack_from(">I", packet, 12)
        tables = 4 + len(jpeg.tables) if number == 0 else 0
        assert (version, kind & 0x7F, sequence, timestamp) == (0x80, 26, number, 90_000)
        assert (kind & 0x80 != 0) == (number == len(packets) - 1)
        assert offset == len(scan)
        scan += packet[20 + tables :]
    assert scan == jpeg.scan


def test_sequence_and_time_turn_over():
    packer, jpeg = Packer(), read_jpeg(jpeg_of(64, 48))
    packer.sequence = 0xFFFF
    heads = [
        struct.unpack_from(">BBHI", packet)
        for timestamp in (2**32 - 1, 2**32)
        for packet in packer.packets(jpeg, timestamp)
    ]
    assert heads[0][2:] == (0xFFFF, 2**32 - 1)
    assert heads[-1][3] == 0
    assert all((after[2] - before[2]) % 2**16 == 1 for before, after in pairwise(heads))
    assert len(jpeg.scan) <= 10 * FRAGMENT_BYTES


@pytest.mark.parametrize("size", [(2048, 48), (60, 48)])
def test_sides_that_the_header_cannot_tell_are_refused(size):
    with pytest.raises(ValueError, match="multiples of 8"):
        read_jpeg(jpeg_of(*size))


def test_restart_markers_are_refused():
    cv2 = library.load()
    with pytest.raises(ValueError, match="restart"):
        read_jpeg(jpeg_of(64, 48, cv2.IMWRITE_JPEG_RST_INTERVAL, 1))


@given(st.binary(max_size=300))
def test_anything_else_is_refused_with_a_reason(data):
    for prefix in (b"", b"\xff\xd8"):
        with pytest.raises(ValueError, match=r"no JPEG|not carried"):
            read_jpeg(prefix + data)


@given(st.integers(0, 4000), st.integers(0, 255))
def test_a_damaged_picture_is_carried_or_refused(at, byte):
    data = bytearray(jpeg_of(64, 48))
    data[at % len(data)] = byte
    with contextlib.suppress(ValueError):  # nothing else
        list(Packer().packets(read_jpeg(bytes(data)), 0))
