"""A folder of pictures: played, and watched."""

import os

import pytest

from banksman_drivers.camera.folder import FolderSource
from banksman_drivers.settings.camera import CameraSettings


@pytest.fixture
def folder(tmp_path, pictures, cv2):
    place = tmp_path / "pictures"
    place.mkdir()
    for number, picture in enumerate(pictures[:3]):
        cv2.imwrite(str(place / f"{number}.png"), picture)
    return place


async def test_pictures_come_in_the_order_of_their_names(play, folder, pictures):
    camera = play(f"folder:{folder}", fps=20)
    for number in (1, 2, 3):
        frame = await camera.frame(number - 1)
        assert (frame.image == pictures[frame.number - 1]).all()


async def test_a_new_picture_is_taken_when_it_appears(play, folder, pictures, cv2):
    camera = play(f"folder:{folder}", fps=50, lost_after_ms=60_000)
    await camera.frame(2)
    cv2.imwrite(str(folder / "9.png"), pictures[9])
    frame = await camera.frame(3)
    assert frame.number == 4
    assert (frame.image == pictures[9]).all()


def test_a_picture_that_is_still_being_written_is_not_read_in_half(folder, pictures, cv2):
    whole = cv2.imencode(".png", pictures[5])[1].tobytes()
    written = []

    class WhileWaiting:
        """Writes on each time the source waits before it looks again."""

        stopping = False

        def wait(self, seconds):
            written.append(len(written))
            (folder / "5.png").write_bytes(whole[: 400 * len(written)])
            return False

    source = FolderSource(CameraSettings(driver="camera", id="line", source=f"folder:{folder}"))
    taken = []
    while source.grab(WhileWaiting()) and len(taken) < 3:
        taken.append(source.picture())
    assert 400 * len(written) > len(whole)
    assert (source.picture() == pictures[5]).all()


async def test_a_loop_begins_again(play, folder, pictures):
    camera = play(f"folder:{folder}", fps=100, loop=True)
    frame = await camera.frame(10)
    assert any((frame.image == picture).all() for picture in pictures[:3])


async def test_what_is_no_picture_is_skipped_and_told(play, folder):
    (folder / "1.png").write_bytes(b"no picture at all")
    (folder / "notes.txt").write_text("read me")
    camera = play(f"folder:{folder}", fps=50, lost_after_ms=60_000)
    await camera.frame(2)
    await camera.sink.until(
        lambda _: "1 pictures could not be read" in camera.driver.health().message
    )


async def test_a_folder_without_a_new_picture_is_lost_in_time(play, folder):
    camera = play(f"folder:{folder}", fps=50, lost_after_ms=300)
    assert "no frame" in await camera.lost()


async def test_an_empty_folder_cannot_be_looped(play, tmp_path):
    assert "holds no picture" in await play(f"folder:{tmp_path}", loop=True).lost()


async def test_a_folder_that_is_not_there_is_waited_for(play, folder):
    away = folder.rename(folder.with_name("away"))
    camera = play(f"folder:{folder}", fps=50)
    assert "No such file" in await camera.lost()
    away.rename(folder)
    assert (await camera.frame()).number >= 1


def test_a_picture_that_goes_between_listing_and_reading_costs_itself_only(folder, pictures):
    class Never:
        stopping = False

        def wait(self, seconds):
            return False

    settings = CameraSettings(driver="camera", id="line", source=f"folder:{folder}")
    source = FolderSource(settings)
    assert source.grab(Never())  # now all are listed
    (folder / "1.png").unlink()
    taken = [source.picture()]
    for _ in range(2):
        assert source.grab(Never())
        taken.append(source.picture())
    assert taken[1] is None
    assert (taken[2] == pictures[2]).all()
    assert source.remarks == ["1 pictures went before they were read"]


def test_a_picture_that_goes_while_the_folder_is_listed_takes_no_camera_away(folder, monkeypatch):
    listing = os.scandir

    class Tidied:
        """The folder is tidied up between its listing and the look at each entry."""

        def __init__(self, place):
            self.entries = list(listing(place))
            (folder / "1.png").unlink(missing_ok=True)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *error):
            return None

    monkeypatch.setattr(os, "scandir", Tidied)
    settings = CameraSettings(driver="camera", id="line", source=f"folder:{folder}")
    source = FolderSource(settings)
    assert source.remarks == ["1 pictures went before they were read"]
