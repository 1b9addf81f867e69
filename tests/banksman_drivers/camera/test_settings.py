"""What may be written in a camera's table."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from banksman_drivers.settings.camera import CameraSettings


def settings(source="rtsp://10.0.0.9/line", **options):
    return CameraSettings(driver="camera", id="line", source=source, **options)


def told(**options):
    return [
        f"{'.'.join(map(str, flaw.path))} {flaw.message}" for flaw in settings(**options).flaws()
    ]


@pytest.mark.parametrize(
    "source",
    [
        "v4l2:/dev/v4l/by-id/usb-046d_C920-video-index0",
        "rtsp://10.0.0.9:8554/line?channel=1",
        "rtsps://camera.example/line",
        "file:belt.avi",
        "folder:/srv/ftp/line",
        "fake:",
    ],
)
def test_every_kind_of_source_is_taken(source):
    assert told(source=source) == []


@pytest.mark.parametrize(
    "source", ["", "0", "/dev/video0", "http://10.0.0.9/", "rtsp://", "rtsp://h:0/x", "rtsp://h:x/"]
)
def test_what_names_no_source_is_told(source):
    assert told(source=source)


def test_a_login_in_the_address_is_refused_without_repeating_it():
    (flaw,) = settings("rtsp://admin:hunter2@10.0.0.9/line").flaws()
    assert "hunter2" not in flaw.message + flaw.remedy
    assert "password_file" in flaw.remedy


def test_an_option_that_the_source_does_not_read_is_told():
    assert told(source="file:a.avi", exposure_us=500) == [
        "exposure_us nothing reads it with a source file:"
    ]
    assert told(source="fake:", loop=True) == ["loop nothing reads it with a source fake:"]


def test_a_password_file_needs_a_username():
    assert told(password_file="secret") == ["password_file nothing reads it without username"]


def test_half_a_size_is_none():
    assert told(source="fake:", width=640)


def test_a_live_cameras_thread_is_not_held_longer_than_it_can_be_waited_for():
    assert told(lost_after_ms=4001)
    assert told(source="folder:/srv/ftp", lost_after_ms=3_600_000) == []


def test_a_v4l2_device_is_a_path_from_the_root():
    assert told(source="v4l2:video0")


def test_the_files_of_a_recording_and_of_the_password_begin_at_the_config():
    rooted = settings("folder:good", frozen_after_ms=0).rooted(Path("/etc/banksman"))
    assert rooted == {"source": "folder:/etc/banksman/good"}
    login = settings(username="viewer", password_file="camera.pw").rooted(Path("/etc/banksman"))
    assert login == {"password_file": "/etc/banksman/camera.pw"}


def test_a_recording_never_freezes_unless_asked_to():
    assert settings("file:a.avi").frozen_s is None
    assert settings("file:a.avi", frozen_after_ms=700).frozen_s == 0.7
    assert settings().frozen_s == 5.0
    assert settings(frozen_after_ms=0).frozen_s is None


@pytest.mark.parametrize(
    "options", [{"fourcc": "mjpg"}, {"rotate_deg": 45}, {"crop": {"width": 8}}]
)
def test_values_out_of_bounds_are_refused(options):
    with pytest.raises(ValidationError):
        settings(**options)


@given(st.text(max_size=60) | st.text(max_size=60).map("rtsp://{}".format))
def test_whatever_is_written_as_a_source_is_taken_or_told(source):
    for flaw in settings(source).flaws():
        assert flaw.message
