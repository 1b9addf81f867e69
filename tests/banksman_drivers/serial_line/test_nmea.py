"""NMEA 0183: as an independent reader has it, and what noise makes of it."""

import contextlib
import math

import pynmea2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.fake.serial_gps import angle
from banksman_drivers.serial_line.nmea import (
    KNOT_M_S,
    NmeaError,
    checksum,
    parse,
    sentence,
)

GGA = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47"
RMC = b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A"
VTG = b"$GPVTG,054.7,T,034.4,M,005.5,N,010.2,K*48"


def told(between):
    return parse(sentence(between).rstrip())


def test_a_gga_tells_the_position_and_how_good_it_is():
    values = parse(GGA).values
    assert values == {
        "fix": 1, "satellites": 8, "hdop": 0.9, "altitude": 545.4,
        "latitude": pytest.approx(48.1173), "longitude": pytest.approx(11.516667),
    }  # fmt: skip


def test_an_rmc_tells_speed_and_course():
    values = parse(RMC).values
    assert values["speed"] == pytest.approx(22.4 * KNOT_M_S)
    assert values["course"] == 84.4


def test_a_vtg_tells_speed_in_knots_or_else_in_km_h():
    assert parse(VTG).values == {"course": 54.7, "speed": pytest.approx(5.5 * KNOT_M_S)}
    assert told("GPVTG,054.7,T,,M,,N,36.0,K").values["speed"] == pytest.approx(10.0)


@pytest.mark.parametrize(
    "between",
    [
        "GPRMC,123519,V,4807.038,N,01131.000,E,022.4,084.4,230394,,,N",
        "GNGGA,123519.00,,,,,0,00,99.99,,,,,,",
        "GPVTG,,,,,,,,,N",
        "GPGLL,4807.038,N,01131.000,E,123519,V",
    ],
)
def test_what_the_receiver_does_not_trust_is_no_number(between):
    values = told(between).values
    doubted = [values[name] for name in ("latitude", "speed") if name in values]
    assert doubted
    assert all(math.isnan(value) for value in doubted)


def test_an_empty_field_is_not_nought():
    assert "altitude" not in told("GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,,M,,M,,").values
    assert told("GPVTG,,T,,M,,N,,K").values == {}


def test_sentences_of_other_kinds_are_read_over():
    assert told("GPGSV,3,1,11,03,03,111,00").values == {}
    assert told("PUBX,00,1,2").values == {}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"$GPGGA",
        GGA[:-3],
        GGA[:-1] + b"8",
        GGA.replace(b"4807", b"4808"),
        b"\xff" + GGA,
        GGA + b"x",
        b"!" + GGA[1:],
    ],
)
def test_a_line_without_a_right_checksum_is_no_sentence(line):
    with pytest.raises(NmeaError):
        parse(line)


@pytest.mark.parametrize(
    "between",
    [
        "GPGGA,1,2",
        "GPGGA,123519,9907.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,",
        "GPGGA,123519,4867.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,",
        "GPGGA,123519,4807.038,X,01131.000,E,1,08,0.9,545.4,M,46.9,M,,",
        "GPGGA,123519,4807.038,N,01131.000,E,1,08,nan,545.4,M,46.9,M,,",
        "GPRMC,123519,A,4807.038,N,01131.000,E,022.4,484.4,230394,,",
        "GPVTG,054.7,T",
    ],
)
def test_a_sentence_that_says_something_impossible_is_refused(between):
    with pytest.raises(NmeaError):
        told(between)


@given(
    latitude=st.floats(-90, 90), longitude=st.floats(-180, 180), knots=st.floats(0, 200),
    course=st.floats(0, 359.9),
)  # fmt: skip
def test_an_independent_reader_finds_the_same_position(latitude, longitude, knots, course):
    line = sentence(
        f"GPRMC,123519,A,{angle(latitude, 2, 'NS')},{angle(longitude, 3, 'EW')}"
        f",{knots:.3f},{course:.1f},230326,,"
    ).decode()
    theirs = pynmea2.parse(line.rstrip(), check=True)
    ours = parse(line.rstrip().encode()).values
    assert ours["latitude"] == pytest.approx(theirs.latitude, abs=1e-9)
    assert ours["longitude"] == pytest.approx(theirs.longitude, abs=1e-9)
    assert ours["speed"] == pytest.approx(float(theirs.spd_over_grnd) * KNOT_M_S)
    assert ours["latitude"] == pytest.approx(latitude, abs=1e-5)


@given(line=st.binary(max_size=130))
def test_whatever_line_comes_is_read_or_refused(line):
    with contextlib.suppress(NmeaError):
        assert parse(line).sentence


@given(name=st.sampled_from(["GGA", "RMC", "VTG", "GLL"]), fields=st.lists(st.text(
    st.characters(min_codepoint=32, max_codepoint=126), max_size=8), max_size=15))  # fmt: skip
def test_whatever_fields_a_right_checksum_vouches_for_are_read_or_refused(name, fields):
    between = ",".join([f"GP{name}", *fields])
    with contextlib.suppress(NmeaError):
        values = parse(f"${between}*{checksum(between):02X}".encode()).values
        assert not abs(values.get("latitude", 0.0)) > 90


@given(at=st.integers(1, len(GGA) - 4), bit=st.integers(0, 6))
def test_the_checksum_finds_every_flipped_bit(at, bit):
    flipped = bytearray(GGA)
    flipped[at] ^= 1 << bit
    with pytest.raises(NmeaError):
        parse(bytes(flipped))
