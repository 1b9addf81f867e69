"""A serial device that sends anything at all: no crash, no number out of nothing, and recovery."""

import datetime
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.ports import Quality
from banksman_drivers.serial_line.gps import NmeaDialect
from banksman_drivers.serial_line.nmea import sentence
from banksman_drivers.serial_line.scale_sics import SicsDialect
from banksman_drivers.serial_line.scale_toledo import ToledoDialect
from banksman_drivers.serial_line.scanner import ScannerDialect
from banksman_drivers.serial_line.text import TextDialect
from banksman_drivers.settings.barcode_scanner import BarcodeScannerSettings
from banksman_drivers.settings.nmea import NmeaSettings
from banksman_drivers.settings.scale import ScaleSettings
from banksman_drivers.settings.serial_text import SerialTextSettings

TODAY = datetime.date(2026, 3, 10)


def made(kind, driver, points, **options):
    values = {"driver": driver, "id": "dev", "port": "/dev/x", "point": points, **options}
    return kind.model_validate(values)


def scanner():
    fields = ["scanned", "valid", "gtin", "bad_frames"]
    points = [{"name": field, "field": field} for field in fields]
    points += [
        {"name": "net", "field": "element", "ai": "310", "unit": "kg"},
        {"name": "ours", "field": "match", "pattern": "A*[!b]?", "unit": "flag"},
    ]
    settings = made(BarcodeScannerSettings, "barcode_scanner", points, no_read="NR")
    return ScannerDialect(settings, lambda: TODAY)


def scale(protocol, dialect, **options):
    points = [
        {"name": "weight", "field": "weight", "unit": "kg"},
        {"name": "tare", "field": "tare", "unit": "g"},
        {"name": "stable", "field": "stable", "unit": "flag"},
        {"name": "bad_frames", "field": "bad_frames"},
    ]
    return dialect(made(ScaleSettings, "scale", points, protocol=protocol, **options))


def gps():
    points = [
        {"name": "speed", "field": "speed", "unit": "m/s"},
        {"name": "bad_frames", "field": "bad_frames"},
    ]
    return NmeaDialect(made(NmeaSettings, "nmea", points))


def instrument(**frame):
    points = [
        {"name": "value", "separator": ";", "column": 1},
        {"name": "raw", "type": "float32", "at": 2},
        {"name": "bad_frames", "field": "bad_frames"},
    ]
    return TextDialect(made(SerialTextSettings, "serial", points, frame=frame))


DIALECTS = {
    "scanner": scanner,
    "mt_sics": lambda: scale("mt_sics", SicsDialect),
    "toledo": lambda: scale("toledo", ToledoDialect, checksum=True),
    "nmea": gps,
    "line": instrument,
    "stx_etx": lambda: instrument(by="stx_etx", checksum="xor"),
    "length": lambda: instrument(by="length", length_at=1, start="U", checksum="sum"),
    "pause": lambda: instrument(by="pause"),
}
# Near enough to a message to be dangerous.
PIECES = st.one_of(
    st.binary(max_size=80),
    st.sampled_from([
        b"S S     12.34 kg\r\n", b"S S     12", b"S D 9e9 kg\r\n", b"S S 1 \xb5g\r\n", b"ES\r\n",
        b"]C10109501101530003", b"]C1310", b"]E0\r", b"NR\r", b"4006381333931\r", b"\x1d\x1d\r",
        b"$GPVTG,054.7,T,034.4,M,005.5,N,010.2,K*48\r\n", b"$GPVTG,,,,*00\r\n", b"$GPGGA*56\r\n",
        b"\x02-0   12345   500\r", b"\x02\x02\r\r", b"\x02a;1\x03", b"U\x03abc", b"U\xff",
        b"a;-;b\n", b"a;1e99\n", b";;;\n", b"\xff\x00\x80",
    ]),
)  # fmt: skip


def heard(dialect, pieces):
    """Every reading that the pieces cause, with silence at the end."""
    framer = dialect.framer
    frames = [frame for piece in pieces for frame in framer.feed(piece)]
    frames += framer.idle()
    told = [
        dialect.broken(frame.flaw) if frame.flaw else dialect.heard(frame.data, 1)
        for frame in frames
    ]
    return [reading for each in told for reading in each.readings], told


@pytest.mark.parametrize("make", DIALECTS.values(), ids=DIALECTS)
@given(pieces=st.lists(PIECES, max_size=12))
def test_no_device_can_break_its_driver_nor_have_a_number_believed_that_is_none(make, pieces):
    dialect = make()
    readings, _ = heard(dialect, pieces)
    for reading in readings:
        assert math.isfinite(reading.value) or reading.quality is Quality.BAD
        assert len(reading.text) < 2000
        assert reading.text.isprintable()


@pytest.mark.parametrize("make", DIALECTS.values(), ids=DIALECTS)
@given(pieces=st.lists(PIECES, max_size=12))
def test_every_frame_that_is_none_is_counted_and_said_to_be_bad(make, pieces):
    dialect = make()
    _, told = heard(dialect, pieces)
    assert dialect.bad_frames == sum(bool(each.flaw) for each in told)
    bad = {reading.sensor: reading for reading in dialect.all_bad(1)}
    assert bad.pop("dev.bad_frames").value == dialect.bad_frames
    bad.pop("dev.scanned", None)  # a count is true whatever the line does
    assert {reading.quality for reading in bad.values()} == {Quality.BAD}


@pytest.mark.parametrize(
    ("name", "message", "sensor", "value"),
    [
        ("scanner", b"4006381333931\r", "dev.gtin", 4006381333931),
        ("mt_sics", b"S S     12.34 kg\r\n", "dev.weight", 12.34),
        ("nmea", sentence("GPVTG,054.7,T,034.4,M,,N,036.0,K"), "dev.speed", 10.0),
        ("line", b"a;7\r\n", "dev.value", 7.0),
        ("pause", b"a;7", "dev.value", 7.0),
    ],
)
@given(pieces=st.lists(PIECES, max_size=8))
def test_after_any_noise_and_silence_the_next_message_is_read(name, message, sensor, value, pieces):
    dialect = DIALECTS[name]()
    heard(dialect, pieces)
    readings, _ = heard(dialect, [message])
    found = next(reading for reading in readings if reading.sensor == sensor)
    assert found.value == pytest.approx(value)
    assert found.quality is Quality.GOOD
