"""Samples of every format come out as the fraction of full scale that they stand for."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.audio.formats import LAYOUTS, unpacked


def raw(data):
    return np.frombuffer(data, np.uint8)


def packed(sample_format, code):
    """One code, as the card's bytes."""
    if sample_format == "S16_LE":
        return struct.pack("<h", code)
    if sample_format == "S24_3LE":
        return struct.pack("<i", code)[:3]
    return struct.pack("<i", code)


@pytest.mark.parametrize(
    ("sample_format", "bits"), [("S16_LE", 16), ("S24_3LE", 24), ("S32_LE", 32)]
)
@given(fraction=st.floats(-1, 1))
def test_every_code_is_its_fraction_of_full_scale(sample_format, bits, fraction):
    top = 2 ** (bits - 1)
    code = max(-top, min(top - 1, round(fraction * top)))
    samples = unpacked(raw(packed(sample_format, code)), sample_format, 1)
    assert samples.dtype == np.float32
    assert samples[0, 0] == np.float32(code / top)


@given(value=st.floats(width=32))
def test_floats_come_through_as_they_are(value):
    samples = unpacked(raw(struct.pack("<f", value)), "FLOAT_LE", 1)
    assert np.array_equal(samples[0, 0], np.float32(value), equal_nan=True)


def test_channels_lie_side_by_side():
    samples = unpacked(raw(struct.pack("<4h", 1, 2, 3, 4)), "S16_LE", 2)
    assert (samples * 2**15).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("sample_format", "bits"), [("S16_LE", 16), ("S24_3LE", 24), ("S32_LE", 32)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_both_ends_of_the_range_are_clipped_and_the_code_before_is_not(sample_format, bits, sign):
    limit = LAYOUTS[sample_format].clipped_at
    top = 2 ** (bits - 1)
    end = top - 1 if sign > 0 else -top
    step = 2 ** (bits - LAYOUTS[sample_format].bits)
    at_end = unpacked(raw(packed(sample_format, end)), sample_format, 1)[0, 0]
    before = unpacked(raw(packed(sample_format, sign * (top - 3 * step))), sample_format, 1)[0, 0]
    assert abs(at_end) >= limit
    assert abs(before) < limit
