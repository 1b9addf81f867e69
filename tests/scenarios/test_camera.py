"""A camera in the whole daemon: its readings reach the rules, a frozen picture rings."""

import pytest

from banksman_drivers.camera import library
from banksman_drivers.fake.camera import Scene

CAMERA = """\
[[device]]
driver = "camera"
id = "belt"
source = "file:belt.avi"
loop = true
report_ms = 100
frozen_after_ms = {frozen_after_ms}

[[action]]
name = "call_somebody"
alert = {{ text = "The camera sees nothing new" }}

[[decision]]
name = "camera_watch"
type = "quality_control"
on = ["belt.frozen"]
safe_action = "none"
"""

RULES = """\
[[rule]]
name = "frozen"
point = "camera_watch"
when = "belt.frozen == 1"
then = "call_somebody"
priority = 1

[[rule]]
name = "well"
point = "camera_watch"
when = "True"
then = "none"

[[rule]]
name = "any level"
point = "limit"
when = "True"
then = "close_valve"
"""


@pytest.fixture
def frozen_video(tmp_path):
    """Forty times the same picture."""
    cv2, picture = library.load(), Scene(64, 48).draw(0.0, None)
    # OpenCV's own encoder; FFmpeg's steers its quality, so its pictures of one picture differ.
    writer = cv2.VideoWriter(
        str(tmp_path / "belt.avi"),
        cv2.CAP_OPENCV_MJPEG,
        cv2.VideoWriter.fourcc(*"MJPG"),
        25,
        (64, 48),
    )
    for _ in range(40):
        writer.write(picture)
    writer.release()


@pytest.mark.usefixtures("frozen_video")
async def test_a_frozen_picture_rings_and_reaches_the_rules(box):
    box.write(CAMERA.format(frozen_after_ms=500), rules=RULES)
    await box.start()
    assert (await box.until_decision("call_somebody"))["rule"] == "frozen"

    def rings(status):
        (camera,) = (device for device in status["devices"] if device["id"] == "belt")
        told = camera["state"] == "connected" and "frozen" in camera["message"]
        return told and "device.belt.fault" in {alarm["key"] for alarm in status["alarms"]}

    await box.until_status(rings, "the frozen picture is an alarm")
