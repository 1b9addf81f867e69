"""The port itself: named by udev, ours alone, gone and back, bounded in what it keeps."""

import asyncio
import fcntl
import os
import termios

import pytest

from banksman_drivers.fake.serial_instrument import FakeInstrument
from banksman_drivers.fake.serial_pty import SerialPty, sampled
from banksman_drivers.ports import CommandFailed, DeviceLost, Quality
from banksman_drivers.serial_line.port import WRITE_MAX_BYTES, Port
from banksman_drivers.settings.serial_text import SerialFrame, SerialPoint, SerialTextSettings


def settings(path, **more):
    return SerialTextSettings(driver="serial", id="dev", port=str(path), back_off_max_ms=50, **more)


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_port_that_is_not_there_is_named_with_what_is(tmp_path):
    with pytest.raises(DeviceLost, match="usb-gone: it is not there"):
        await Port.open(settings(tmp_path / "usb-gone"))


async def test_a_file_that_is_no_port_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DeviceLost, match="cannot open"):
        await Port.open(settings(tmp_path / "file"))


async def test_a_port_that_is_open_is_nobody_else_s(plugged, tmp_path):
    pty = plugged(SerialPty(tmp_path / "usb"))
    port = await Port.open(settings(pty.path))
    with pytest.raises(DeviceLost, match="another program"):
        await Port.open(settings(pty.path))
    assert exclusive(pty)
    await port.close()
    assert not exclusive(pty)
    await (await Port.open(settings(pty.path))).close()


def exclusive(pty):
    """Whether the kernel holds the port exclusive (TIOCGEXCL), which root is not stopped by."""
    fd = os.open(pty.path, os.O_RDWR | os.O_NOCTTY)
    try:
        return bool(int.from_bytes(fcntl.ioctl(fd, 0x80045440, b"\0" * 4), "little"))
    finally:
        os.close(fd)


async def test_the_line_is_set_as_configured(plugged, tmp_path):
    pty = plugged(SerialPty(tmp_path / "usb"))
    port = await Port.open(settings(pty.path, baud=115_200, stop_bits=2, flow="xon_xoff"))
    fd = os.open(pty.path, os.O_RDWR | os.O_NOCTTY)
    iflag, _, cflag, lflag, _, speed, _ = termios.tcgetattr(fd)
    os.close(fd)
    await port.close()
    assert speed == termios.B115200
    assert cflag & termios.CSTOPB
    assert iflag & termios.IXON
    assert not lflag & (termios.ECHO | termios.ICANON)


async def test_what_lay_on_the_line_before_is_not_read(run, plugged, tmp_path):
    pty = plugged(SerialPty(tmp_path / "usb"))
    pty.send(b"VALUE 1\r\n")
    bench = run(settings(pty.path, point=[SerialPoint(name="value", after="VALUE")]))

    def told():
        if not pty.unread_bytes:
            pty.send(b"VALUE 2\r\n")
        return bench.said("value")

    await bench.until(told)
    good = [reading.value for reading in bench.said("value") if reading.quality is Quality.GOOD]
    await bench.until(lambda: 2.0 in [reading.value for reading in bench.said("value")])
    assert 1.0 not in good


async def test_a_port_that_is_unplugged_is_told_at_once(plugged, tmp_path):
    pty = plugged(SerialPty(tmp_path / "usb"))
    port = await Port.open(settings(pty.path))
    port.start(lambda data: None)
    pty.unplug()
    with pytest.raises(DeviceLost, match="plug"):
        await asyncio.wait_for(asyncio.shield(port.lost), 30)
    with pytest.raises(CommandFailed):
        port.write(b"x")
    await port.close()


async def test_a_device_that_takes_nothing_fills_a_bounded_buffer(tmp_path):
    ours, theirs = os.openpty()  # nobody reads from our end
    port = await Port.open(settings(os.ttyname(theirs)))
    sent = fill(port)
    os.set_blocking(ours, False)
    got = 0
    while got < sent:  # nothing that was taken is lost when the device comes to itself
        with_data = os.read(ours, 65_536) if readable(ours) else b""
        got += len(with_data)
        await asyncio.sleep(0)
    assert got == sent
    port.write(b"y" * WRITE_MAX_BYTES)
    await port.close()
    os.close(theirs)
    os.close(ours)


def fill(port):
    """Write until no more is taken; how many bytes were."""
    for pieces in range(20_000):
        try:
            port.write(b"x" * 512)
        except CommandFailed as error:
            assert "takes no more" in str(error)  # noqa: PT017  the count is what is asked for
            return pieces * 512
    raise AssertionError("it takes without bound")


def readable(fd):
    import select

    return bool(select.select([fd], [], [], 0)[0])


async def test_closing_does_not_wait_for_a_device_that_takes_nothing(tmp_path):
    ours, theirs = os.openpty()
    port = await Port.open(settings(os.ttyname(theirs), flow="xon_xoff"))
    os.write(ours, b"\x13")  # XOFF: say no more
    assert fill(port)
    async with asyncio.timeout(30):
        await port.close()
    os.close(theirs)
    os.close(ours)


async def test_opening_that_is_cancelled_leaves_the_port_free(plugged, tmp_path):
    pty = plugged(SerialPty(tmp_path / "usb"))
    opening = asyncio.create_task(Port.open(settings(pty.path)))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await until(lambda: pty.users == 0)


async def test_a_replugged_device_comes_back_under_its_name(run, plugged, tmp_path):
    device = plugged(FakeInstrument(tmp_path / "usb"))
    bench = run(
        settings(
            device.pty.path, ask="?\n", poll_ms=5, point=[SerialPoint(name="level", after="LEVEL")]
        )
    )
    for _ in range(3):
        assert (await bench.good("level")).value == 12
        device.unplug()
        await bench.until(lambda: bench.driver.health().state == "lost")
        assert bench.newest["level"].quality is Quality.BAD
        device.plug()
        await bench.connected()
    assert bench.driver.health().reconnects == 3


async def test_a_flood_without_line_ends_is_bad_bounded_and_over_when_it_stops(
    run, plugged, tmp_path
):
    pty = plugged(SerialPty(tmp_path / "usb"))
    bench = run(
        settings(
            pty.path,
            pause_ms=50,
            silence_ms=0,
            point=[
                SerialPoint(name="value", after="VALUE"),
                SerialPoint(name="bad", field="bad_frames"),
            ],
        )
    )
    await bench.connected()
    for _ in range(50):
        pty.send(b"\xa5" * 1000)
        await asyncio.sleep(0)
    await bench.until(lambda: "no end" in bench.driver.health().fault)
    assert bench.newest["value"].quality is Quality.BAD

    def read():
        if not pty.unread_bytes:
            pty.send(b"\r\nVALUE 3\r\n")
        return bench.newest["value"].value == 3

    await bench.until(read)


async def test_values_in_bytes_with_a_checksum_are_read(run, plugged, tmp_path):
    pty = plugged(SerialPty(tmp_path / "usb"))
    frame = SerialFrame(by="length", start="U", length=6, checksum="sum")
    bench = run(
        settings(
            pty.path,
            frame=frame,
            silence_ms=0,
            point=[
                SerialPoint(name="pressure", type="int16", at=1, scale=0.1, unit="bar"),
                SerialPoint(name="state", type="uint8", at=3),
                SerialPoint(name="bad", field="bad_frames"),
            ],
        )
    )
    await bench.connected()
    body = b"U" + (-123).to_bytes(2, "big", signed=True) + b"\x07\x00"
    pty.send(b"\x00" + body + bytes([sum(body) & 0xFF]))
    await bench.until(lambda: "state" in bench.newest)
    assert bench.newest["pressure"].value == pytest.approx(-12.3)
    assert bench.newest["state"].value == 7
    pty.send(body + bytes([sum(body) + 1 & 0xFF]))
    await bench.until(lambda: bench.newest["bad"].value == 1)
    assert bench.newest["pressure"].quality is Quality.BAD


def test_a_uart_at_the_right_rate_reads_what_was_sent():
    sent = bytes(range(256))
    assert sampled(sent, 9600, 9600) == sent


def test_a_uart_at_another_rate_reads_something_else():
    assert sampled(b"4006381333931\r", 9600, 19_200) != b"4006381333931\r"
    assert sampled(b"4006381333931\r", 19_200, 9600) != b"4006381333931\r"
