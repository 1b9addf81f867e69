"""The picture of now, and what is odd about the parts, for a person who teaches a station."""

import asyncio

import pytest

from banksman.vision.inspection import Region
from banksman.vision.jpeg import from_picture_file
from banksman.vision.parts_folder import PartsFolder
from banksman.vision.showing import READ_MOST, NoPicture, Showing
from banksman_drivers.fake.camera import Scene

REGION = Region(8, 0, 48, 48)


@pytest.fixture
def parts(tmp_path):
    return PartsFolder(tmp_path / "commission")


def draw(number):
    return Scene(64, 48, number).draw(0.0, None)


async def test_what_the_camera_shows_of_the_region_is_a_jpeg(make_line, parts):
    line = make_line()
    showing = Showing(line.camera, parts, REGION)
    async with line.running():
        await line.until(lambda: not showing.no_picture(), "pictures come")
        jpeg = await asyncio.to_thread(showing.live)
    assert from_picture_file(jpeg).shape == (48, 48, 3)


async def test_a_camera_that_is_lost_says_so_in_place_of_a_picture(make_line, parts):
    line = make_line()
    showing = Showing(line.camera, parts, REGION)
    line.fake.lose("cable pulled")
    async with line.running():
        await line.until(lambda: "cable pulled" in showing.no_picture(), "it is lost")
        with pytest.raises(NoPicture, match="cable pulled"):
            showing.live()


async def test_a_region_outside_the_picture_is_told(make_line, parts):
    line = make_line()
    showing = Showing(line.camera, parts, Region(60, 0, 48, 48))
    async with line.running():
        await line.until(lambda: not showing.no_picture(), "pictures come")
        with pytest.raises(NoPicture, match="lies outside"):
            await asyncio.to_thread(showing.live)


def test_parts_are_read_once_and_some_in_one_go(make_line, parts, monkeypatch):
    showing = Showing(make_line().camera, parts, None)
    for number in range(READ_MOST + 5):
        parts.put("good", "", draw(number))
    parts.put("good", "", draw(0))
    assert showing.remarks() == ()  # the one that is there twice is not read yet
    told = showing.remarks()
    assert told == (f"1 of {READ_MOST + 6} pictures are there more than once",)
    monkeypatch.setattr(type(parts.files("good")), "__getitem__", None)
    assert showing.remarks() == told


def test_parts_that_were_forgotten_are_remarked_no_more(make_line, parts):
    showing = Showing(make_line().camera, parts, None)
    for _ in range(2):
        parts.put("good", "", draw(0))
    assert len(showing.remarks()) == 1
    parts.clear()
    assert showing.remarks() == ()


def test_a_part_that_cannot_be_read_is_named(make_line, parts, tmp_path):
    showing = Showing(make_line().camera, parts, None)
    parts.put("good", "", draw(0))
    (tmp_path / "commission" / "good" / "0001.png").write_bytes(b"no picture")
    assert "part 0001 cannot be read" in showing.remarks()[0]
