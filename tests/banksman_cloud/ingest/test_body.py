"""Bodies: bounded, whole, and one frame."""

from __future__ import annotations

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from banksman.wire.uplink import BATCH_BYTES_MAX
from banksman_cloud.ingest.body import unpack, unpacked_bytes
from banksman_cloud.ingest.checking import BadBatch


def streamed(data: bytes) -> bytes:
    """A frame that does not tell its size."""
    packer = zstandard.ZstdCompressor().compressobj()
    return packer.compress(data) + packer.flush()


def status(packed: bytes) -> int:
    with pytest.raises(BadBatch) as refused:
        unpack(packed)
    return refused.value.status


@given(st.binary(max_size=5000), st.booleans())
def test_what_was_packed_is_unpacked(data, tells_its_size):
    packed = zstandard.compress(data) if tells_its_size else streamed(data)
    assert unpack(packed) == data


def test_the_frame_tells_what_it_needs_before_it_is_unpacked():
    assert unpacked_bytes(zstandard.compress(b"x" * 1000)) == 1000
    assert unpacked_bytes(streamed(b"x" * 1000)) == BATCH_BYTES_MAX


def test_as_much_as_is_allowed_is_taken_and_one_byte_more_is_not():
    whole = b"x" * BATCH_BYTES_MAX
    for pack in (zstandard.compress, streamed):
        assert len(unpack(pack(whole))) == BATCH_BYTES_MAX
        assert status(pack(whole + b"x")) == 413


def test_a_frame_that_breaks_off_is_refused():
    for packed in (zstandard.compress(bytes(range(256)) * 9), streamed(bytes(range(256)) * 9)):
        assert {status(packed[:end]) for end in range(0, len(packed), 7)} == {400}


def test_what_stands_behind_the_frame_is_refused():
    packed = zstandard.compress(b"x" * 100)
    assert status(packed + b"x") == 400
    assert status(packed + packed) == 400


def test_a_window_beyond_bounds_is_refused():
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    assert status(packer.compress(b"x" * 100_000) + packer.flush()) == 413


@given(st.binary(max_size=300))
def test_garbage_is_refused(data):
    with pytest.raises(BadBatch):
        unpack(b"\x00" + data)


@given(st.binary(max_size=200))
def test_garbage_in_a_frame_is_refused_or_unpacked_and_never_a_fault(data):
    try:
        size = len(unpack(b"\x28\xb5\x2f\xfd" + data))
    except BadBatch:
        return
    assert size <= BATCH_BYTES_MAX
