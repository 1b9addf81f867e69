"""Attack: what calls itself a camera answers with whatever it likes."""

import asyncio
import contextlib
import random

import pytest

from banksman_drivers.camera.driver import CameraDriver
from banksman_drivers.fake.camera import FakeCamera
from banksman_drivers.settings.camera import CameraSettings
from batch_sink import Ticks
from driver_rigs.base import Sink

OK = b"RTSP/1.0 200 OK\r\nCSeq: "
NOISE = random.Random(5).randbytes(65536)


def sdp(text: bytes) -> bytes:
    head = b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(text)
    return OK + b"1\r\n" + head + text


ANSWERS = {
    "hangs up at once": b"",
    "sends noise": NOISE,
    "sends a status line without end": b"RTSP/1.0 200 " + b"x" * 200_000,
    "sends headers without end": OK + b"1\r\n" + b"X-A: b\r\n" * 40_000,
    "promises more bytes than there are": OK + b"1\r\nContent-Length: 4294967295\r\n\r\n",
    "promises less than nothing": OK + b"1\r\nContent-Length: -1\r\n\r\n" + NOISE,
    "describes noise": sdp(NOISE[:2000].replace(b"\r", b"").replace(b"\n", b"")),
    "describes ten thousand tracks": sdp(b"m=video 0 RTP/AVP 26\r\n" * 10_000),
    "sends packets before anybody asked": b"$\x00\xff\xff" + NOISE,
    "points back at itself for ever": (
        b"RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: rtsp://127.0.0.1:%d/again\r\n\r\n"
    ),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=list(ANSWERS))
async def test_a_hostile_stream_costs_its_own_camera_and_no_other(answer, monkeypatch):
    monkeypatch.setattr("banksman_drivers.camera.stream.CALL_MAX_MS", 500.0)  # for a quick test
    asked = asyncio.Event()

    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError):
            while await reader.read(4096):
                asked.set()
                writer.write(answer.replace(b"%d", str(port).encode()))
                await writer.drain()
                if not answer:
                    break
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    good, bad = (
        CameraSettings(driver="camera", id=name, source=source, report_ms=50, lost_after_ms=500)
        for name, source in (("good", "fake:"), ("bad", f"rtsp://127.0.0.1:{port}/line"))
    )
    drivers = [CameraDriver(good, Ticks(), FakeCamera().open), CameraDriver(bad, Ticks())]
    sinks = [Sink(), Sink()]
    tasks = [
        asyncio.create_task(driver.run(sink)) for driver, sink in zip(drivers, sinks, strict=True)
    ]
    await sinks[1].until(lambda _: drivers[1].health().state == "lost" and asked.is_set())
    await sinks[0].until(lambda _: drivers[0].health().state == "connected")
    assert drivers[1].health().message.startswith("bad: ")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert all(task.cancelled() for task in tasks)
    server.close()
