"""Real video files, written by OpenCV and played by the driver."""

from itertools import pairwise

from banksman_drivers.ports import Quality


async def test_a_video_is_played_at_its_pace_and_then_finished(play, video, pictures):
    camera = play(f"file:{video}")
    first = await camera.frame()
    assert first.image.shape == (48, 64, 3)
    assert abs(first.image.astype(int) - pictures[first.number - 1]).mean() < 12  # JPEG
    assert "finished" in await camera.lost()
    assert camera.driver.health().state == "lost"


async def test_frames_of_a_video_are_as_far_apart_as_recorded(play, video):
    camera = play(f"file:{video}")
    frames = [await camera.frame()]
    while frames[-1].number < 12:
        frames.append(await camera.frame(frames[-1].number))
    for before, after in pairwise(frames):
        recorded_ns = (after.number - before.number) * 20_000_000
        assert after.mono_ns - before.mono_ns >= recorded_ns - 1000


async def test_a_looped_video_goes_on_without_a_gap_in_its_numbers(play, video):
    camera = play(f"file:{video}", loop=True)
    frame = await camera.frame(30)
    assert frame.number > 30
    assert frame.quality is Quality.GOOD


async def test_a_file_that_is_not_there_is_waited_for(play, video, tmp_path):
    camera = play(f"file:{tmp_path}/later.avi")
    assert "is not there" in await camera.lost()
    video.rename(tmp_path / "later.avi")
    assert (await camera.frame()).number >= 1


async def test_a_file_that_is_no_video_is_told(play, tmp_path):
    (tmp_path / "noise.avi").write_bytes(bytes(range(256)) * 64)
    assert "no video" in await play(f"file:{tmp_path}/noise.avi").lost()


async def test_a_video_cut_short_is_played_as_far_as_it_goes(play, video):
    data = video.read_bytes()
    video.write_bytes(data[: len(data) // 2])
    camera = play(f"file:{video}")
    assert (await camera.frame()).number >= 1
    assert "finished" in await camera.lost()


async def test_a_recording_of_a_frozen_camera_is_frozen_when_asked_to_look(
    play, tmp_path, pictures, cv2
):
    path = tmp_path / "frozen.avi"
    # OpenCV's own encoder; FFmpeg's steers its quality, so its pictures of one picture differ.
    mjpg = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, mjpg, 50, (64, 48))
    for _ in range(40):
        writer.write(pictures[0])
    writer.release()
    camera = play(f"file:{path}", loop=True, frozen_after_ms=300)
    await camera.reading("frozen", lambda value: value == 1)
