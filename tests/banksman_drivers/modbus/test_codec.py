"""Bytes into values and back."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.modbus_codec import BlockDecoder, encode, mask_of
from banksman_drivers.modbus_plan import WORDS, plan
from banksman_drivers.ports import Quality
from banksman_drivers.settings.modbus import ModbusOutput, ModbusPoint

ORDERS = ["high_first", "low_first"]
BYTES = ["high_first", "low_first"]
INTEGERS = {
    "bcd16": (0, 9999),
    "bcd32": (0, 99_999_999),
    "uint16": (0, 2**16 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint32": (0, 2**32 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint64": (0, 2**53),  # beyond that a float has no room
    "int64": (-(2**53), 2**53),
}


def point(kind="uint16", address=0, name="p", **more):
    return ModbusPoint(name=name, table="holding", address=address, type=kind, **more)


def decode(points, payload):
    (block,) = plan("plc", points)
    return {r.sensor.removeprefix("plc."): r for r in BlockDecoder("plc", block).decode(payload, 7)}


@pytest.mark.parametrize(
    ("kind", "order", "payload", "value"),
    [
        ("uint16", "high_first", "ffff", 65535),
        ("int16", "high_first", "fffe", -2),
        ("uint32", "high_first", "11223344", 0x11223344),
        ("uint32", "low_first", "33441122", 0x11223344),
        ("int32", "low_first", "fffeffff", -2),
        ("float32", "high_first", "42f6e979", 123.456),
        ("float32", "low_first", "e97942f6", 123.456),
        ("uint64", "high_first", "0000000000000102", 258),
        ("uint64", "low_first", "0102000000000000", 258),
        ("int64", "low_first", "fffeffffffffffff", -2),
        ("float64", "high_first", "405edd2f1a9fbe77", 123.456),
        ("float64", "low_first", "be771a9fdd2f405e", 123.456),
        ("bit", "high_first", "0000", 0),
        ("bit", "high_first", "ff00", 1),
    ],
)
def test_known_bytes_give_the_known_value(kind, order, payload, value):
    reading = decode([point(kind, word_order=order)], bytes.fromhex(payload))["p"]
    assert reading.value == pytest.approx(value, rel=1e-6)
    assert reading.quality is Quality.GOOD


@pytest.mark.parametrize(
    ("letters", "words", "octets"),
    [
        ("ABCD", "high_first", "high_first"),
        ("CDAB", "low_first", "high_first"),
        ("BADC", "high_first", "low_first"),
        ("DCBA", "low_first", "low_first"),
        ("ABCDEFGH", "high_first", "high_first"),
        ("GHEFCDAB", "low_first", "high_first"),
        ("BADCFEHG", "high_first", "low_first"),
        ("HGFEDCBA", "low_first", "low_first"),
    ],
)
def test_every_order_of_words_and_bytes_is_read_and_written(letters, words, octets):
    floats, integers = ("float32", "uint32") if len(letters) == 4 else ("float64", "uint64")
    for kind, form, value in ((floats, ">f", -1.2345e10), (integers, ">I", 0x01234567)):
        size = len(letters)
        straight = struct.pack(form if size == 4 else {">f": ">d", ">I": ">Q"}[form], value)
        wire = bytes(straight[ord(letter) - ord("A")] for letter in letters)
        one = point(kind, word_order=words, byte_order=octets)
        assert decode([one], wire)["p"].value == pytest.approx(value, rel=1e-6)
        assert encode(one, value) == wire


def test_one_register_with_its_bytes_turned_round():
    assert decode([point("int16", byte_order="low_first")], b"\xfe\xff")["p"].value == -2


@pytest.mark.parametrize(
    ("options", "payload", "value"),
    [
        ({"bit": 0}, "0001", 1),
        ({"bit": 15}, "8000", 1),
        ({"bit": 3}, "fff7", 0),
        ({"bit": 3, "kind": "bit"}, "0008", 1),
        ({"bits": [4, 7]}, "12a4", 10),
        ({"bits": [4, 7], "scale": 0.5}, "12a4", 5),
        ({"bits": [0, 15]}, "ffff", 65535),
        ({"bit": 20, "kind": "uint32"}, "00100000", 1),
        ({"bits": [8, 23], "kind": "uint32", "word_order": "low_first"}, "3344aa22", 0x2233),
        ({"bits": [60, 63], "kind": "uint64"}, "a000000000000000", 10),
        ({"bit": 0, "byte_order": "low_first"}, "0100", 1),
    ],
)
def test_a_bit_field_is_cut_out_of_its_value(options, payload, value):
    one = point(options.pop("kind", "uint16"), **options)
    assert decode([one], bytes.fromhex(payload))["p"].value == value


def test_many_bits_of_one_register_are_read_at_once():
    points = [point(bit=n, name=f"b{n}") for n in range(16)]
    values = decode(points, bytes((0b10100101, 0b00000110)))
    assert [int(values[f"b{n}"].value) for n in reversed(range(16))] == [
        *(1, 0, 1, 0, 0, 1, 0, 1),
        *(0, 0, 0, 0, 0, 1, 1, 0),
    ]


@pytest.mark.parametrize(
    ("kind", "payload", "value"),
    [("bcd16", "1234", 1234), ("bcd16", "0000", 0), ("bcd32", "12345678", 12345678)],
)
def test_bcd_holds_a_decimal_digit_in_four_bits(kind, payload, value):
    assert decode([point(kind)], bytes.fromhex(payload))["p"].value == value
    assert encode(output(kind), value) == bytes.fromhex(payload)


def test_a_bcd_digit_over_nine_is_bad():
    reading = decode([point("bcd16")], b"\x12\x3a")["p"]
    assert reading.quality is Quality.BAD


@given(data=st.data())
def test_a_bit_field_comes_back_as_it_went_and_touches_no_other_bit(data):
    low = data.draw(st.integers(0, 15))
    high = data.draw(st.integers(low, 15))
    octets = data.draw(st.sampled_from(BYTES))
    value = data.draw(st.integers(0, 2 ** (high - low + 1) - 1))
    one = point(bits=[low, high], byte_order=octets)
    raw, mask = encode(one, value), mask_of(one)
    assert decode([one], raw)["p"].value == value
    assert int.from_bytes(raw, "big") & ~int.from_bytes(mask, "big") == 0
    assert int.from_bytes(mask, "big").bit_count() == high - low + 1


def test_scale_and_offset_are_applied_and_the_arrival_time_kept():
    reading = decode([point("int16", scale=0.1, offset=-40, unit="degC")], b"\x02\x8a")["p"]
    assert (reading.value, reading.unit, reading.mono_ns) == (pytest.approx(25.0), "degC", 7)


def test_overlapping_points_are_each_decoded_from_their_own_bytes():
    points = [
        point("uint32", 0, "turned", word_order="low_first"),
        point("uint32", 0, "plain"),
        point("int16", 1, "low_word"),
        point("uint16", 2, "after"),
    ]
    values = {name: r.value for name, r in decode(points, bytes.fromhex("0001ffff0009")).items()}
    assert values == {"turned": 0xFFFF0001, "plain": 0x1FFFF, "low_word": -1, "after": 9}


def test_coils_are_unpacked_low_bit_first_over_byte_borders():
    points = [ModbusPoint(name=f"c{n}", table="coil", address=n, type="bit") for n in range(3, 14)]
    found = decode(points, bytes((0b00000101, 0b00000110)))
    assert [found[f"c{n}"].value for n in range(3, 14)] == [1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("kind", "form"), [("float32", ">f"), ("float64", ">d")])
def test_what_is_no_number_is_bad_and_carries_nan(kind, form, value):
    reading = decode([point(kind)], struct.pack(form, value))["p"]
    assert reading.quality is Quality.BAD
    assert math.isnan(reading.value)


def test_a_value_that_scaling_makes_infinite_is_bad():
    reading = decode([point("float64", scale=10)], struct.pack(">d", 1.7e308))["p"]
    assert reading.quality is Quality.BAD


@pytest.mark.parametrize(("raw", "quality"), [(9, 1), (10, 2), (20, 2), (21, 1)])
def test_a_value_out_of_its_range_is_uncertain_and_kept(raw, quality):
    reading = decode([point(low=10, high=20)], struct.pack(">H", raw))["p"]
    assert (reading.value, reading.quality) == (raw, Quality(quality))


@pytest.mark.parametrize("order", ORDERS)
@given(data=st.data())
def test_every_integer_comes_back_as_it_went(order, data):
    kind = data.draw(st.sampled_from(sorted(INTEGERS)))
    value = data.draw(st.integers(*INTEGERS[kind]))
    one = point(kind, word_order=order, byte_order=data.draw(st.sampled_from(BYTES)))
    assert decode([one], encode(one, value))["p"].value == value


@pytest.mark.parametrize("order", ORDERS)
@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_every_float_comes_back_as_it_went(order, value):
    for kind in ("float32", "float64"):
        one = point(kind, word_order=order)
        assert decode([one], encode(one, value))["p"].value == value


@given(
    st.floats(-1e4, 1e4),
    st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3),
    st.floats(-1e4, 1e4),
    st.sampled_from(ORDERS),
)
def test_a_scaled_value_comes_back_within_half_a_step(value, scale, offset, order):
    one = point("int64", scale=scale, offset=offset, word_order=order)
    assert decode([one], encode(one, value))["p"].value == pytest.approx(
        value, abs=abs(scale) * 0.5 + 1e-6
    )


def output(kind, **more):
    return ModbusOutput(name="o", safe=0, table="holding", address=0, type=kind, **more)


@pytest.mark.parametrize(
    ("kind", "value", "complaint"),
    [
        ("bit", 2, "true or false"),
        ("bit", "on", "true or false"),
        ("bit", math.nan, "true or false"),
        ("uint16", -1, "fits a uint16"),
        ("uint16", 65536, "fits a uint16"),
        ("int16", "12", "a number"),
        ("uint32", math.nan, "finite"),
        ("float32", math.inf, "finite"),
        ("float32", 1e39, "fits a float32"),
        ("float32", True, "a number"),
        ("bcd16", 10_000, "fits a bcd16"),
        ("bcd16", -1, "fits a bcd16"),
    ],
)
def test_a_value_that_an_output_cannot_take_is_refused_in_words(kind, value, complaint):
    with pytest.raises(ValueError, match=complaint):
        encode(output(kind), value)


@pytest.mark.parametrize("value", [True, 1, 1.0])
def test_true_one_and_one_point_nought_all_set_a_bit(value):
    assert encode(output("bit"), value) == b"\x00\x01"


@given(st.binary(max_size=20), st.sampled_from(sorted(WORDS)), st.sampled_from(ORDERS))
def test_no_payload_of_the_right_size_makes_the_decoder_raise(payload, kind, order):
    size = WORDS[kind] * 2
    reading = decode([point(kind, word_order=order)], payload.ljust(size, b"\0")[:size])["p"]
    assert reading.quality is Quality.BAD or math.isfinite(reading.value)
