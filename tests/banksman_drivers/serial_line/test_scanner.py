"""A barcode scanner on a line: each scan one event, its text beside the count."""

import pytest

from banksman_drivers.fake.serial_pty import LineFaults
from banksman_drivers.fake.serial_scanner import FakeScanner
from banksman_drivers.ports import Quality
from banksman_drivers.settings.barcode_scanner import BarcodeScannerSettings, ScannerPoint

POINTS = [
    ScannerPoint(name="scanned", field="scanned"),
    ScannerPoint(name="bad_frames", field="bad_frames"),
    ScannerPoint(name="no_reads", field="no_reads"),
    ScannerPoint(name="valid", field="valid", unit="flag"),
    ScannerPoint(name="gtin", field="gtin"),
    ScannerPoint(name="pallet", field="match", pattern="PALLET-*", unit="flag"),
    ScannerPoint(name="batch_a", field="match", pattern="A*", ai="10", unit="flag"),
    ScannerPoint(name="net", field="element", ai="310", unit="kg"),
    ScannerPoint(name="expires", field="element", ai="17", unit="d"),
    ScannerPoint(name="batch", field="element", ai="10"),
]


@pytest.fixture
async def scanner(plugged, tmp_path):
    return plugged(FakeScanner(tmp_path / "usb-scanner"))


@pytest.fixture
async def bench(run, scanner, tmp_path):
    bench = run(settings(tmp_path))
    await bench.connected()
    return bench


def settings(folder, **more):
    return BarcodeScannerSettings(
        driver="barcode_scanner",
        id="scanner",
        port=str(folder / "usb-scanner"),
        no_read="NR",
        pause_ms=50,
        back_off_max_ms=50,
        point=POINTS,
        **more,
    )


async def scans(bench, count):
    await bench.until(lambda: bench.newest["scanned"].value == count)
    return bench.newest


async def test_a_scanner_that_has_nothing_to_say_is_well_and_has_scanned_nothing(bench):
    assert (await bench.good("scanned")).value == 0
    assert bench.said("gtin") == []


async def test_a_good_code_is_counted_with_its_text_and_its_item_number(bench, scanner):
    scanner.scan("4006381333931", "]E0")
    await scans(bench, 1)
    assert bench.said("gtin")[-1].value == 4006381333931
    assert bench.said("valid")[-1].value == 1
    texts = [reading.text for reading in bench.said("scanned") if reading.text]
    assert texts == ["4006381333931"]


async def test_a_wrong_check_digit_is_not_valid_and_has_no_item_number(bench, scanner):
    scanner.scan("4006381333931")
    scanner.scan("4006381333937")
    await scans(bench, 2)
    assert [reading.value for reading in bench.said("valid")] == [1, 0]
    assert "check digit" in bench.said("valid")[-1].text
    assert bench.newest["gtin"].quality is Quality.BAD


async def test_two_codes_that_come_together_are_two_events(bench, scanner):
    scanner.pty.send(b"4006381333931\r96385074\r")
    await scans(bench, 2)
    assert [reading.value for reading in bench.said("gtin")] == [4006381333931, 96385074]


async def test_elements_are_numbers_days_and_texts(bench, scanner):
    scanner.scan("01095011015300031726032031030012501" + "0AB-123", "]C1")
    newest = await scans(bench, 1)
    assert (newest["net"].value, newest["net"].unit) == (1.25, "kg")
    assert (newest["expires"].value, newest["expires"].text) == (10, "2026-03-20")
    assert (newest["batch"].value, newest["batch"].text) == (1, "AB-123")
    assert newest["batch_a"].value == 1
    assert newest["gtin"].value == 9501101530003


async def test_an_element_that_this_code_has_not_got_is_bad(bench, scanner):
    scanner.scan("0109501101530003310300125010AB", "]C1")
    scanner.scan("0109501101530003", "]C1")
    await scans(bench, 2)
    assert bench.newest["net"].quality is Quality.BAD
    assert bench.newest["batch"].quality is Quality.BAD
    assert bench.newest["batch_a"].value == 0


async def test_a_text_can_be_asked_for_its_form(bench, scanner):
    scanner.scan("PALLET-7")
    scanner.scan("CARTON-7")
    await scans(bench, 2)
    assert [reading.value for reading in bench.said("pallet")] == [1, 0]


async def test_a_scan_without_a_code_is_no_read_and_no_code(bench, scanner):
    scanner.scan("NR")
    await bench.until(lambda: bench.newest["no_reads"].value == 1)
    assert bench.newest["scanned"].value == 0
    assert bench.said("valid")[-1].value == 0
    assert bench.said("valid")[-1].text == "no code"


async def test_the_flaw_of_one_code_is_not_told_of_the_right_one_after_it(bench, scanner):
    scanner.scan("4006381333937", "]E0")
    scanner.scan("4006381333931", "]E0")
    await scans(bench, 2)
    assert [reading.text for reading in bench.said("valid")][-1] == "right"


async def test_codes_between_stx_and_etx_or_ended_by_silence_are_read(run, plugged, tmp_path):
    for number, (frame, prefix, suffix) in enumerate(
        [("stx_etx", b"\x02", b"\x03"), ("pause", b"", b"")]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        scanner = plugged(FakeScanner(folder / "usb-scanner", prefix=prefix, suffix=suffix))
        bench = run(settings(folder, frame=frame))
        await bench.connected()
        scanner.scan("96385074")
        await bench.until(lambda bench=bench: "gtin" in bench.newest)
        assert bench.newest["gtin"].value == 96385074


async def test_half_a_code_is_bad_and_the_next_one_is_read(bench, scanner):
    scanner.pty.faults = LineFaults(cut_bytes=6)
    scanner.scan("4006381333931")
    await bench.until(lambda: bench.newest["bad_frames"].value == 1)
    assert bench.newest["gtin"].quality is Quality.BAD
    scanner.pty.faults = LineFaults()
    scanner.scan("96385074")
    await bench.until(lambda: bench.newest["gtin"].value == 96385074)
    assert bench.driver.health().errors == 1


async def test_a_wrong_baud_rate_is_bad_counted_and_told_to_people(run, plugged, tmp_path):
    scanner = plugged(FakeScanner(tmp_path / "usb-scanner", baud=19_200))
    bench = run(settings(tmp_path, baud=9600))
    await bench.connected()

    def alarmed():
        scanner.scan("4006381333931")
        return bench.driver.health().fault

    await bench.until(alarmed)
    assert bench.newest["bad_frames"].value >= 3
    assert bench.said("gtin")[-1].quality is Quality.BAD
    assert not any(reading.value == 4006381333931 for reading in bench.said("gtin"))


async def test_one_glitch_alarms_nobody_and_a_good_code_ends_the_alarm(bench, scanner):
    scanner.pty.send(b"\xff\xfe\r")
    await bench.until(lambda: bench.newest["bad_frames"].value == 1)
    assert bench.driver.health().fault == ""
    scanner.pty.send(b"\xff\r")
    await bench.until(lambda: bench.newest["bad_frames"].value == 2)
    scanner.pty.send(b"\xff\r")
    await bench.until(lambda: "not readable" in bench.driver.health().fault)
    scanner.scan("96385074")
    await bench.until(lambda: bench.driver.health().fault == "")


async def test_the_count_goes_on_after_the_scanner_was_unplugged(bench, scanner):
    scanner.scan("96385074")
    await scans(bench, 1)
    scanner.unplug()
    await bench.until(lambda: bench.driver.health().state == "lost")
    scanner.plug()
    await bench.connected()
    assert (await bench.good("scanned")).value == 1
    assert bench.newest["gtin"].quality is Quality.BAD
