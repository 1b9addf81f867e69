"""A scanner on a line of its own: a wrong code is pushed out, and people see which one it was."""

import pytest

from banksman_drivers.fake.serial_scanner import FakeScanner

DEVICE = """\
[[device]]
driver = "barcode_scanner"
id = "scanner"
port = "{port}"
back_off_max_ms = 200
point = [
  {{ name = "scanned", field = "scanned" }},
  {{ name = "gtin", field = "gtin", stale_ms = 600000 }},
  {{ name = "valid", field = "valid", unit = "flag", stale_ms = 600000 }},
]

[[device]]
driver = "fake"
id = "belt"
output = [{{ name = "pusher", safe = true }}]

[[action]]
name = "reject"
writes = [{{ output = "belt.pusher", value = true }}]

[[action]]
name = "let_pass"
writes = [{{ output = "belt.pusher", value = false }}]

[[decision]]
name = "goods"
type = "quality_control"
on = ["scanner.valid"]
safe_action = "reject"
"""
ROWS = """
[[rule]]
name = "another"
point = "goods"
when = "scanner.valid == 0 or scanner.gtin != 4006381333931"
then = "reject"
priority = 1

[[rule]]
name = "ours"
point = "goods"
when = "True"
then = "let_pass"
"""


@pytest.fixture
async def scanner(tmp_path):
    scanner = FakeScanner(tmp_path / "usb-scanner")
    scanner.plug()
    yield scanner
    scanner.unplug()


def sensor(status, name):
    return next(each for each in status["sensors"] if each["id"] == name)


def pusher(status):
    return next(each for each in status["outputs"] if each["id"] == "belt.pusher")["value"]


async def test_a_code_is_decided_on_as_a_number_and_shown_as_text(box, scanner):
    box.write(DEVICE.format(port=scanner.pty.path), rules=box.rules.read_text() + ROWS)
    await box.start()
    await box.until_status(
        lambda status: sensor(status, "scanner.scanned")["quality"] == "good", "the port is open"
    )

    scanner.scan("96385074", "]E4")
    status = await box.until_status(
        lambda status: sensor(status, "scanner.scanned")["text"] == "96385074", "the code is shown"
    )
    assert sensor(status, "scanner.gtin")["value"] == 96385074
    await box.until_status(lambda status: pusher(status) is True, "another code is rejected")

    scanner.scan("4006381333931", "]E0")
    await box.until_status(lambda status: pusher(status) is False, "ours passes")
