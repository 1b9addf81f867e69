"""The driver over the shipped fake: what becomes of a camera that fails."""

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from banksman_drivers.camera import driver as driver_module
from banksman_drivers.camera import library
from banksman_drivers.camera.driver import CameraDriver
from banksman_drivers.ports import Quality, Unsupported
from banksman_drivers.settings.camera import CameraSettings
from batch_sink import Ticks

SMALL = {"width": 64, "height": 48, "fps": 100}


async def test_frames_carry_number_time_and_a_read_only_picture(play, fake):
    camera = play("fake:", fake, **SMALL)
    first = await camera.frame()
    second = await camera.frame(first.number)
    assert (first.camera, first.image.shape, first.quality) == ("line", (48, 64, 3), Quality.GOOD)
    assert second.number > first.number
    assert first.mono_ns < second.mono_ns <= time.monotonic_ns()
    assert not first.image.flags.writeable


async def test_who_is_slow_is_given_the_newest_frame_and_sees_the_gap(play, fake):
    camera = play("fake:", fake, **SMALL)
    first = await camera.frame()
    await camera.frame(first.number + 5)
    newest = await camera.frame(first.number)
    assert newest.number > first.number + 5


async def test_readings_tell_pace_age_and_light(play, fake):
    camera = play("fake:", fake, **SMALL)
    batch = await camera.reading("frames_per_s", lambda value: value > 5)
    said = {r.sensor.partition(".")[2]: (r.value, r.unit) for r in batch}
    assert said["brightness"][1] == "%"
    assert 20 < said["brightness"][0] < 80
    assert said["age_ms"][0] >= 0
    assert said["sharpness"][0] > 0
    assert said["frozen"] == said["dark"] == (0.0, "flag")


async def test_a_frozen_picture_is_a_fault_a_flag_and_bad_frames(play, fake):
    camera = play("fake:", fake, frozen_after_ms=200, **SMALL)
    await camera.reading("frozen", lambda value: value == 0)
    fake.fault = "freeze"
    batch = await camera.reading("frozen", lambda value: value == 1)
    health = camera.driver.health()
    assert health.state == "connected"
    assert health.fault.startswith("line: the picture is frozen")
    assert health.message == health.fault
    bad = {r.sensor for r in batch if r.quality is Quality.BAD}
    assert bad == {"line.brightness", "line.sharpness"}
    newest = await camera.frame()
    assert (await camera.frame(newest.number)).quality is Quality.BAD


async def test_a_camera_that_thaws_is_well_again(play, fake):
    camera = play("fake:", fake, frozen_after_ms=200, **SMALL)
    await camera.frame()
    fake.fault = "freeze"
    await camera.reading("frozen", lambda value: value == 1)
    fake.fault = None
    await camera.reading("frozen", lambda value: value == 0)
    assert camera.driver.health().fault == ""
    newest = await camera.frame()
    assert (await camera.frame(newest.number)).quality is Quality.GOOD


async def test_a_decoder_that_repeats_its_last_pictures_is_frozen(play, fake):
    camera = play("fake:", fake, frozen_after_ms=200, **SMALL)
    first = await camera.frame()
    await camera.frame(first.number + 4)
    fake.fault = "repeat"
    await camera.reading("frozen", lambda value: value == 1)


async def test_a_still_belt_with_a_sensors_noise_is_not_frozen(play, fake, monkeypatch):
    monkeypatch.setattr("banksman_drivers.fake.camera.SPEED", 0.0)
    camera = play("fake:", fake, frozen_after_ms=100, **SMALL)
    first = await camera.frame()
    await camera.frame(first.number + 40)
    assert camera.driver.health().fault == ""


async def test_a_black_picture_is_a_fault_and_a_flag(play, fake):
    camera = play("fake:", fake, **SMALL)
    await camera.frame()
    fake.fault = "black"
    batch = await camera.reading("dark", lambda value: value == 1)
    assert "black" in camera.driver.health().fault
    quality = {r.sensor.partition(".")[2]: r.quality for r in batch}
    assert quality["brightness"] is Quality.GOOD  # how black it is
    assert quality["sharpness"] is Quality.BAD


async def test_a_camera_that_stalls_is_lost_by_the_age_of_its_frame_and_shows_none(play, fake):
    camera = play("fake:", fake, lost_after_ms=1000, **SMALL)
    await camera.frame()
    fake.fault = "stall"
    assert "no frame" in await camera.lost()
    assert camera.driver.newest(0, 0) is None
    fake.fault = None
    await camera.reading("frozen", lambda value: value == 0)
    assert camera.driver.health().reconnects >= 1
    assert fake.opened == 1  # it went on by itself


async def test_a_camera_that_is_pulled_is_opened_anew_and_its_numbers_go_on(play, fake):
    camera = play("fake:", fake, **SMALL)
    last = await camera.frame()
    fake.lose("cable pulled")
    assert (await camera.lost()).startswith("line: cable pulled")
    fake.restore()
    assert (await camera.frame(last.number)).number > last.number
    assert fake.opened == 2
    assert fake.closed == 1


async def test_broken_pictures_are_let_go_counted_and_in_the_end_lost(play, fake):
    camera = play("fake:", fake, lost_after_ms=300, **SMALL)
    await camera.frame()
    fake.fault = "broken"
    await camera.lost()
    fake.fault = None
    await camera.reading("frozen", lambda value: value == 0)
    assert camera.driver.health().errors > 5


async def test_a_library_that_never_comes_back_is_left_behind_and_the_camera_opened_anew(
    play, fake, monkeypatch
):
    monkeypatch.setattr(driver_module, "HUNG_S", 1.0)
    monkeypatch.setattr("banksman_drivers.bridge.STOP_S", 0.2)
    camera = play("fake:", fake, **SMALL)
    last = await camera.frame()
    fake.fault = "hang"
    await camera.sink.until(lambda _: "does not come back" in camera.driver.health().message)
    fake.fault = None  # for those to come; the hanging thread comes back to nobody
    assert (await camera.frame(last.number)).number > last.number
    assert fake.opened >= 2


async def test_after_three_threads_left_behind_a_person_is_called(play, fake, monkeypatch):
    monkeypatch.setattr(driver_module, "HUNG_S", 0.05)
    monkeypatch.setattr("banksman_drivers.bridge.STOP_S", 0.01)
    fake.fault = "hang"
    camera = play("fake:", fake, **SMALL)
    await camera.sink.until(lambda _: "restart the daemon" in camera.driver.health().message)
    await camera.sink.until(lambda _: fake.opened == 3)
    fake.restore()


async def test_cancelling_ends_the_thread_of_a_camera_that_stalls(play, fake):
    fake.fault = "stall"
    camera = play("fake:", fake, **SMALL)
    await camera.sink.until(lambda _: fake.opened == 1)
    threads = [each for each in threading.enumerate() if each.name == "camera-line"]
    assert threads
    await camera.stop()
    for thread in threads:
        await asyncio.to_thread(thread.join, 15)
        assert not thread.is_alive()
    assert fake.closed == 1


async def test_the_threads_name_tells_whose_it_is(play, fake):
    camera = play("fake:", fake, **SMALL)
    await camera.frame()
    assert "camera-line" in {thread.name for thread in threading.enumerate()}


async def test_a_crop_beyond_the_picture_is_told(play, fake):
    camera = play("fake:", fake, crop={"left": 60, "width": 16, "height": 16}, **SMALL)
    assert "64 x 48" in await camera.lost()


async def test_who_waits_for_a_lost_cameras_frame_is_answered_in_time(play, fake):
    fake.lose()
    camera = play("fake:", fake, **SMALL)
    await camera.lost()
    assert await asyncio.to_thread(camera.driver.newest, 0, 0.01) is None


def test_without_the_library_the_camera_is_unsupported_and_the_remedy_named(monkeypatch):
    monkeypatch.setattr(library.importlib.util, "find_spec", lambda _: None)
    settings = CameraSettings(driver="camera", id="line", source="rtsp://10.0.0.9/")
    with pytest.raises(Unsupported, match=r"line: .*pip install 'banksman\[camera\]'"):
        CameraDriver(settings, Ticks())


def test_a_source_that_cannot_be_is_unsupported_at_start():
    settings = CameraSettings(driver="camera", id="line", source="rtsp://a:b@10.0.0.9/")
    with pytest.raises(Unsupported, match=r"line: source holds a user name"):
        CameraDriver(settings, Ticks())


def test_making_a_camera_loads_no_opencv():
    script = """
import sys
from banksman.clock import SystemClock
from banksman_drivers.camera.driver import CameraDriver
from banksman_drivers.settings.camera import CameraSettings

settings = CameraSettings(driver="camera", id="line", source="rtsp://10.0.0.9/")
CameraDriver(settings, SystemClock())
sys.exit("cv2" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
