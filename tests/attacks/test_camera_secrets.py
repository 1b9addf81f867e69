"""Attack: make the appliance tell a camera's password."""

import asyncio
import contextlib
import logging

import pytest

from banksman_drivers.camera.address import shown, with_login
from banksman_drivers.camera.driver import CameraDriver
from banksman_drivers.fake.rtsp import RtspServer
from banksman_drivers.ports import DeviceLost
from banksman_drivers.settings.camera import CameraSettings
from batch_sink import Ticks
from driver_rigs.base import Sink

PASSWORD = "hunter2-of-the-camera"


@pytest.fixture
def password_file(tmp_path):
    path = tmp_path / "pw"
    path.write_text(PASSWORD)
    return path


async def test_a_refused_login_appears_in_no_message_log_or_stderr(
    password_file, capfd, caplog, free_port
):
    caplog.set_level(logging.DEBUG)
    camera_that_refuses = RtspServer(lambda _: b"", login=("viewer", "another password"))
    await camera_that_refuses.start()
    for url in (camera_that_refuses.url, f"rtsp://127.0.0.1:{free_port}/nobody"):
        settings = CameraSettings(
            driver="camera",
            id="line",
            source=url,
            username="viewer",
            password_file=str(password_file),
        )
        driver, sink = CameraDriver(settings, Ticks()), Sink()
        task = asyncio.create_task(driver.run(sink))
        await sink.until(lambda _, driver=driver: driver.health().state == "lost")
        message = driver.health().message
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert PASSWORD not in message + repr(settings)
        assert "password file" in message
    assert camera_that_refuses.refused > 0
    await camera_that_refuses.stop()
    out, err = capfd.readouterr()
    assert PASSWORD not in out + err + caplog.text
    assert "viewer" not in out + err


def test_a_login_that_somebody_hid_in_path_or_query_is_not_shown():
    address = "rtsp://10.0.0.9:554/user=admin_password=tlJwpbo6_channel=1?auth=YWRtaW4"
    assert shown(address) == "rtsp://10.0.0.9:554"


def test_a_password_cannot_point_the_daemon_at_another_host(tmp_path):
    path = tmp_path / "pw"
    path.write_text("x@evil.example/y?z#")
    address = with_login("rtsp://10.0.0.9/line", "viewer", str(path))
    assert shown(address) == "rtsp://10.0.0.9"


def test_a_password_file_that_cannot_be_read_is_named_and_not_its_content(tmp_path):
    path = tmp_path / "pw"
    path.write_bytes(b"\xff\xfe" + PASSWORD.encode())
    with pytest.raises(DeviceLost) as told:
        with_login("rtsp://10.0.0.9/line", "viewer", str(path))
    assert str(path) in str(told.value)
    assert PASSWORD not in str(told.value)
    assert told.value.__cause__ is None
