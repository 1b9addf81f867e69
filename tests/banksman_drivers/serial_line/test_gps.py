"""A position receiver on a line."""

import pytest

from banksman_drivers.fake.serial_gps import FakeGps
from banksman_drivers.fake.serial_pty import LineFaults
from banksman_drivers.ports import Quality
from banksman_drivers.settings.nmea import NmeaPoint, NmeaSettings

UNITS = {"latitude": "deg", "longitude": "deg", "altitude": "m", "speed": "m/s", "course": "deg"}
POINTS = [
    NmeaPoint(name=name, field=name, unit=UNITS.get(name, ""))
    for name in (*UNITS, "satellites", "fix", "bad_frames")
]


@pytest.fixture
async def gps(plugged, tmp_path):
    return plugged(FakeGps(tmp_path / "usb-gps"))


@pytest.fixture
async def bench(run, gps, tmp_path):
    return run(
        NmeaSettings(
            driver="nmea",
            id="gps",
            port=str(tmp_path / "usb-gps"),
            pause_ms=50,
            silence_ms=60_000,
            point=POINTS,
        )
    )


async def told(bench, gps, condition):
    def ask():
        if not gps.pty.unread_bytes:  # one second's sentences at a time
            gps.tell()
        return condition()

    await bench.until(ask)


def all_good(bench):
    told = [reading.quality is Quality.GOOD for reading in bench.newest.values()]
    return len(told) == len(POINTS) and all(told)


async def test_position_speed_and_course_are_told(bench, gps):
    await told(bench, gps, lambda: all_good(bench))
    values = {name: reading.value for name, reading in bench.newest.items()}
    assert values["latitude"] == pytest.approx(48.1173, abs=1e-5)
    assert values["longitude"] == pytest.approx(11.5167, abs=1e-5)
    assert values["speed"] == pytest.approx(2.5, abs=1e-3)
    assert (values["altitude"], values["course"], values["satellites"]) == (545.4, 84.4, 8)


async def test_a_receiver_without_sky_has_no_position_and_is_not_lost(bench, gps):
    await told(bench, gps, lambda: len(bench.newest) == len(POINTS))
    gps.fix = False
    await told(bench, gps, lambda: bench.newest["fix"].value == 0)
    await told(bench, gps, lambda: bench.newest["speed"].quality is Quality.BAD)
    assert bench.newest["latitude"].quality is Quality.BAD
    assert bench.driver.health().state == "connected"


async def test_noise_on_the_line_is_bad_and_counted_and_ends(bench, gps):
    await told(bench, gps, lambda: len(bench.newest) == len(POINTS))
    gps.pty.faults = LineFaults(noise=b"\x00\xf8$GPGGA,12")
    await told(bench, gps, lambda: bench.newest["bad_frames"].value > 0)
    assert any(reading.quality is Quality.BAD for reading in bench.said("latitude"))
    gps.pty.faults = LineFaults()
    await told(bench, gps, lambda: bench.newest["latitude"].quality is Quality.GOOD)
