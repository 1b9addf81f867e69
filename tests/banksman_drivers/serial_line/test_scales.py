"""MT-SICS lines and Toledo frames: what scales' manuals show, and what noise makes of it."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.serial_line import sics, toledo
from banksman_drivers.serial_line.framing import CR, STX, MarkedFramer
from banksman_drivers.serial_line.weight import Weight, converted


@pytest.mark.parametrize(
    ("line", "weight"),
    [
        (b"S S     100.00 g", Weight("stable", 100.0, "g")),
        (b"S D     129.07 g", Weight("dynamic", 129.07, "g")),
        (b"S S    -0.2345 kg", Weight("stable", -0.2345, "kg")),
        (b"S S  -    12.3 kg", Weight("stable", -12.3, "kg")),
        (b"S S          7 PCS", Weight("stable", 7.0, "PCS")),
        (b"T S      12.30 g", Weight("stable", 12.3, "g")),
    ],
)
def test_a_line_with_a_weight_is_read(line, weight):
    assert sics.parse(line).weight == weight


@pytest.mark.parametrize(
    ("line", "state"), [(b"S +", "overload"), (b"S -", "underload"), (b"S I", "busy")]
)
def test_a_scale_out_of_range_or_busy_has_no_weight(line, state):
    weight = sics.parse(line).weight
    assert weight.state == state
    assert math.isnan(weight.value)


@pytest.mark.parametrize("line", [b"ES", b"ET", b"EL", b"Z I", b"Z +", b"Z -", b"T I", b"T L"])
def test_a_refusal_says_why(line):
    assert sics.parse(line).refusal


@pytest.mark.parametrize("line", [b"Z A", b"T S 1.0 g", b'I4 A "0123"', b"@ A"])
def test_what_was_carried_out_is_no_refusal(line):
    assert sics.parse(line).refusal == ""


@pytest.mark.parametrize(
    "line", [b"", b"S", b"S S", b"S S abc g", b"S S 1.2.3 g", b"s s 1 g", b"\xd3 S 1 g", b"S SS 1"]
)
def test_a_line_that_is_no_answer_is_refused(line):
    with pytest.raises(sics.SicsError):
        sics.parse(line)


@given(line=st.binary(max_size=40))
def test_whatever_line_comes_is_read_or_refused(line):
    with contextlib.suppress(sics.SicsError):
        assert sics.parse(line).word


@given(
    thousandths=st.integers(-9_999_999, 9_999_999),
    status=st.sampled_from("SD"),
    unit=st.sampled_from(["g", "kg", "lb"]),
)
def test_a_weight_comes_back_as_the_scale_wrote_it(thousandths, status, unit):
    value = thousandths / 1000
    weight = sics.parse(f"S {status} {value:10.3f} {unit}".encode()).weight
    assert (weight.value, weight.unit, weight.state == "stable") == (value, unit, status == "S")


def frame(first=0x2D, second=0x30, third=0x20, weight=b" 12345", tare=b"   500"):
    return bytes([first, second, third]) + weight + tare


def test_a_frame_of_continuous_output_is_read():
    assert toledo.parse(frame(), checksum=False) == Weight("stable", 12.345, "kg", False, 0.5)


@pytest.mark.parametrize(
    ("bits", "told"),
    [
        ({"second": 0x38}, Weight("dynamic", 12.345, "kg", False, 0.5)),
        ({"second": 0x33}, Weight("stable", -12.345, "kg", True, 0.5)),
        ({"second": 0x20}, Weight("stable", 12.345, "lb", False, 0.5)),
        ({"third": 0x21}, Weight("stable", 12.345, "g", False, 0.5)),
        ({"first": 0x2A}, Weight("stable", 12345.0, "kg", False, 500.0)),
        ({"first": 0x28}, Weight("stable", 1234500.0, "kg", False, 50000.0)),
        ({"third": 0x30}, Weight("stable", 1.2345, "kg", False, 0.05)),
    ],
)
def test_each_status_bit_changes_what_is_told(bits, told):
    found = toledo.parse(frame(**bits), checksum=False)
    assert (found.state, found.unit, found.net) == (told.state, told.unit, told.net)
    assert (found.value, found.tare) == pytest.approx((told.value, told.tare))


@pytest.mark.parametrize("second", [0x34, 0x70])
def test_out_of_range_or_not_zeroed_since_power_up_is_no_weight(second):
    weight = toledo.parse(frame(second=second), checksum=False)
    assert weight.state == "out of range"
    assert math.isnan(weight.value)


def test_the_short_form_has_no_tare():
    weight = toledo.parse(frame(tare=b""), checksum=False)
    assert (weight.value, weight.tare) == (12.345, None)


def test_a_parity_bit_that_the_line_did_not_take_off_is_no_part_of_the_weight():
    dirty = bytes(byte | 0x80 for byte in frame())
    assert toledo.parse(dirty, checksum=False) == toledo.parse(frame(), checksum=False)


@given(flip=st.integers(0, 14), bit=st.integers(0, 6))
def test_the_checksum_finds_every_flipped_bit(flip, bit):
    sent = bytearray(frame() + toledo.check_byte(frame()))
    sent[flip] ^= 1 << bit
    with pytest.raises(toledo.ToledoError):
        toledo.parse(bytes(sent), checksum=True)


def test_the_checksum_is_the_two_s_complement_of_all_before():
    body = frame()
    whole = bytes([STX]) + body + bytes([CR]) + toledo.check_byte(body)
    assert sum(whole) & 0x7F == 0


@given(body=st.binary(max_size=20), checksum=st.booleans())
def test_whatever_frame_comes_is_read_or_refused(body, checksum):
    with contextlib.suppress(toledo.ToledoError):
        weight = toledo.parse(body, checksum=checksum)
        assert weight.state in ("stable", "dynamic", "out of range")


@given(noise=st.binary(max_size=60), weight=st.integers(0, 999_999))
def test_frames_are_found_again_after_noise(noise, weight):
    body = frame(weight=f"{weight:6d}".encode())
    sent = bytes([STX]) + body + bytes([CR])
    framer = MarkedFramer(16, STX, CR)
    framer.feed(noise)
    found = framer.feed(sent)[-1]
    assert toledo.parse(found.data, checksum=False).value == pytest.approx(weight / 1000)


def test_units_of_weight_are_converted():
    assert converted(1.5, "kg", "g") == 1500
    assert converted(1.0, "lb", "kg") == pytest.approx(0.45359237)
    assert converted(3, "PCS", "kg") is None
    assert converted(3, "PCS", "PCS") == 3
