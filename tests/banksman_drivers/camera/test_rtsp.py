"""A stream from the shipped RTSP camera, through OpenCV's own FFmpeg."""

import asyncio

import pytest

from banksman_drivers.fake.rtsp import RtspServer

PASSWORD = "s3cret @/:%"


@pytest.fixture
async def make_stream(pictures, cv2):
    """Start an RTSP camera: ``await make_stream(login=(name, password))``."""
    jpegs = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures]
    servers = []

    async def make(**options):
        # FFmpeg wants some frames before it knows a stream: quick ones make quick tests.
        server = RtspServer(lambda number: jpegs[number % len(jpegs)], fps=100, **options)
        servers.append(server)
        await server.start()
        return server

    yield make
    for server in servers:
        await server.stop()


@pytest.fixture
def password_file(tmp_path):
    path = tmp_path / "camera.pw"
    path.write_text(PASSWORD + "\n")
    return str(path)


async def test_a_stream_gives_its_pictures(play, make_stream, pictures):
    stream = await make_stream()
    camera = play(stream.url)
    frame = await camera.frame()
    assert frame.image.shape == (48, 64, 3)
    nearest = min(abs(frame.image.astype(int) - picture).mean() for picture in pictures)
    assert nearest < 12  # JPEG
    assert stream.connections == 1


async def test_a_login_with_every_odd_character_is_given(play, make_stream, password_file):
    stream = await make_stream(login=("vie wer", PASSWORD))
    camera = play(stream.url, username="vie wer", password_file=password_file)
    assert (await camera.frame()).number >= 1
    assert stream.refused  # it did ask


async def test_a_camera_that_hangs_up_is_connected_anew(play, make_stream):
    stream = await make_stream()
    camera = play(stream.url)
    last = await camera.frame()
    await stream.cut()
    await camera.lost()
    await camera.frame(last.number)
    await camera.reading("frozen", lambda value: value == 0)
    assert camera.driver.health().reconnects >= 1


async def test_a_camera_that_is_switched_off_and_on_comes_back(play, make_stream):
    stream = await make_stream()
    camera = play(stream.url)
    last = await camera.frame()
    await stream.stop()
    assert stream.url.rpartition("/")[0] in await camera.lost()
    await stream.start()
    await camera.frame(last.number)


async def test_a_stream_that_stalls_is_lost_and_connected_anew(play, make_stream):
    stream = await make_stream()
    camera = play(stream.url, lost_after_ms=500)
    last = await camera.frame()
    stream.faults.stall = True
    await camera.lost()
    stream.faults.stall = False
    await camera.frame(last.number)


async def test_frames_that_the_camera_took_and_we_did_not_get_are_counted(play, make_stream):
    stream = await make_stream()
    camera = play(stream.url)
    await camera.frame(10)
    stream.faults.lose_frames = 3
    batch = await camera.reading("dropped", lambda value: value > 0)
    assert next(r.value for r in batch if r.sensor == "line.dropped") == 3


async def test_garbage_for_pictures_ends_nothing(play, make_stream):
    stream = await make_stream()
    camera = play(stream.url)
    last = await camera.frame()
    stream.faults.garbage = True
    sent = stream.sent
    async with asyncio.timeout(15):
        while stream.sent < sent + 10:
            await asyncio.sleep(0.005)
    stream.faults.garbage = False
    frame = await camera.frame(last.number + 12)
    assert frame.image.shape == (48, 64, 3)


async def test_cancelling_ends_the_thread_of_a_stream_that_stalls(play, make_stream):
    stream = await make_stream()
    camera = play(stream.url, lost_after_ms=500)
    await camera.frame()
    stream.faults.stall = True
    task = camera.task
    await camera.stop()
    assert task.cancelled()
    async with asyncio.timeout(15):
        while stream.connections:
            await asyncio.sleep(0.005)
