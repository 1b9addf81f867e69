"""Pictures go up piece by piece, over links that break, as small as the link wants them."""

import contextlib
import hashlib
import os
import stat
from typing import NamedTuple

import numpy as np
import pytest

from banksman.store.sealing import Seal
from banksman.sync.going import Going
from banksman.sync.pictures import wanted_bytes
from banksman.vision.rungs import LADDER, fitted
from banksman.wire.messages import Priority

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed (banksman[camera])")


class Shot(NamedTuple):
    id: str
    priority: Priority = Priority.BACKGROUND
    wall_ns: int = 1


class Source:
    """Who keeps pictures: a dictionary."""

    def __init__(self, **pictures: bytes) -> None:
        self.pictures = {name.replace("_", "-"): data for name, data in pictures.items()}
        self.done: list[str] = []
        self.read_count = 0

    def waiting(self):
        return [Shot(name) for name in self.pictures if name not in self.done]

    async def read(self, picture_id):
        self.read_count += 1
        return self.pictures.get(picture_id)

    async def sent(self, picture_id):
        self.done.append(picture_id)


def noisy(side: int, seed: int = 1, quality: int = 95) -> bytes:
    image = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    return cv2.imencode(".jpg", cv2.blur(image, (5, 5)), [cv2.IMWRITE_JPEG_QUALITY, quality])[
        1
    ].tobytes()


async def kept(cloud) -> dict[str, bytes]:
    return {name: bytes(body) for name, body in await cloud.rows("SELECT id, body FROM picture")}


async def test_a_picture_arrives_in_pieces_once(cloud, make_rig, until):
    source = Source(press_1_7=noisy(500))
    rig = make_rig(cloud.port, pictures=source)
    await until(lambda: rig.lane.sent == 1, "the picture is sent")
    assert await kept(cloud) == source.pictures
    assert (await cloud.rows("SELECT count(*) FROM upload_piece")) == [(0,)]
    assert (await cloud.rows("SELECT type, kind FROM record")).count(("jpeg", 3)) == 1


async def test_a_broken_link_carries_no_piece_twice(cloud, line, make_rig, until, monkeypatch):
    monkeypatch.setattr("banksman.sync.pictures.PIECE_MOST", 20_000)
    picture = noisy(600)
    assert len(picture) > 100_000
    line.cut_after = 70_000
    source = Source(press_1_7=picture)
    make_rig(line.port, pictures=source)
    await until(lambda: source.done, "the picture is sent")
    assert line.cuts == 1
    assert await kept(cloud) == source.pictures
    pieces = [int(put.partition("at=")[2].partition("&")[0]) for put in line.puts if "at=" in put]
    assert pieces == sorted(pieces)
    assert set(pieces) == set(range(0, len(picture), 20_000))


async def test_what_was_begun_before_a_restart_goes_on_with_the_same_bytes(
    cloud, line, make_rig, until, monkeypatch, tmp_path
):
    monkeypatch.setattr("banksman.sync.pictures.PIECE_MOST", 10_000)
    monkeypatch.setattr("banksman.sync.pictures.wanted_bytes", lambda _goodput: 60_000)
    source = Source(press_1_7=noisy(900))
    line.stall_after_pieces = 2
    first = make_rig(line.port, pictures=source, fit=fitted)
    await until(lambda: line.fault, "two pieces are there, and the third is not")
    await first.stop()
    assert await cloud.rows("SELECT here FROM upload") == [(20_000,)]
    (file,) = (tmp_path / "going").iterdir()
    going = file.read_bytes()
    monkeypatch.setattr("banksman.sync.pictures.wanted_bytes", lambda _goodput: 10)  # another link
    make_rig(cloud.port, pictures=source, fit=fitted)
    await until(lambda: source.done, "the picture is sent")
    assert await kept(cloud) == {"press-1-7": going}
    assert source.read_count == 1
    await until(lambda: not list((tmp_path / "going").iterdir()), "nothing is left of it")


async def test_under_a_key_no_plain_picture_is_on_the_disk_at_any_moment(
    cloud, line, make_rig, until, monkeypatch, tmp_path
):
    """The disk is looked at whenever something of it is flushed, and while half of it is sent."""
    monkeypatch.setattr("banksman.sync.pictures.PIECE_MOST", 10_000)
    picture = noisy(500)
    head = picture[:24]
    assert head.startswith(b"\xff\xd8\xff")
    flush, plain, seen = os.fsync, [], set()

    def look() -> None:
        for path in tmp_path.rglob("*"):
            if path.parent.name in ("going", "store") and path.is_file():
                with contextlib.suppress(FileNotFoundError):  # another thread has renamed it
                    data = path.read_bytes()
                    seen.add(path.name)
                    if head in data or picture[-24:] in data:
                        plain.append(path.name)

    def flush_and_look(number: int) -> None:
        flush(number)
        look()

    monkeypatch.setattr(os, "fsync", flush_and_look)
    source = Source(press_1_7=picture)
    line.stall_after_pieces = 2
    key = Seal([bytes(range(32))])
    first = make_rig(line.port, pictures=source, seal=key)
    await until(lambda: line.fault, "two pieces are there, and the third is not")
    await first.stop()
    look()
    assert {"press-1-7", ".press-1-7.new"} <= seen
    make_rig(cloud.port, pictures=source, seal=Seal([bytes(range(32))]))
    await until(lambda: source.done, "the picture is sent")
    assert await kept(cloud) == source.pictures
    assert source.read_count == 1, "the second goes on with what the first has kept"
    await until(lambda: not list((tmp_path / "going").iterdir()), "nothing is left of it")
    assert plain == []


def test_what_a_key_cannot_open_is_begun_anew_and_does_not_stay(tmp_path):
    folder, key = tmp_path / "going", Seal([bytes(32)])
    Going(folder).write("press-1-7", b"plain, from before the key")
    assert Going(folder).read("press-1-7") == b"plain, from before the key"
    assert Going(folder, key).read("press-1-7") is None
    assert list(folder.iterdir()) == []
    Going(folder, key).write("press-1-7", b"sealed")
    (folder / "press-1-7").rename(folder / "press-1-8")
    assert Going(folder, key).read("press-1-8") is None, "sealed for another id"
    Going(folder, key).write("press-1-7", b"sealed")
    assert Going(folder, Seal([bytes(31) + b"1"])).read("press-1-7") is None, "another key"
    assert list(folder.iterdir()) == []


def test_what_is_on_its_way_is_alone_and_private(tmp_path):
    folder, going = tmp_path / "going", Going(tmp_path / "going")
    going.write("press-1-7", b"one")
    going.write("press-1-8", b"two")
    assert going.read("press-1-8") == b"two"
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert going.read("press-1-9") is None
    going.remove("press-1-9")
    assert list(folder.iterdir()) == []


async def test_pictures_below_the_table_wait_for_a_quiet_link(make_rig, cloud):
    source = Source(press_1_7=noisy(50))
    profile = {
        "name": "thin", "over_mbit": 0, "lowest": "critical", "compression": "medium",
        "batch": 1, "interval_s": 1,
    }  # fmt: skip
    rig = make_rig(cloud.port, pictures=source, start=False, profile=[profile])
    waits = await rig.lane.step(rig.uplink.plan, None, quiet=True, left_bytes=None)
    assert isinstance(waits, float)  # before anything is known, a link counts as metered
    assert isinstance(await rig.lane.step(rig.uplink.plan, None, True, 0), float)
    assert source.read_count == 0


async def test_a_picture_that_the_endpoint_never_takes_is_counted_and_passed_over(
    cloud, make_rig, until
):
    source = Source(press_1_7=b"no picture at all", press_1_8=noisy(50))
    rig = make_rig(cloud.port, pictures=source)
    await until(lambda: (rig.lane.sent, rig.lane.refused) == (1, 1), "both are done with")
    assert list(await kept(cloud)) == ["press-1-8"]


async def test_a_picture_that_has_given_way_is_passed_over(cloud, make_rig, until):
    source = Source(press_1_7=b"")
    source.pictures["press-1-7"] = None
    make_rig(cloud.port, pictures=source)
    await until(lambda: source.done, "it is passed over")
    assert await kept(cloud) == {}


async def test_other_bytes_for_an_id_begin_anew_and_a_wrong_sum_is_never_kept(cloud):
    import aiohttp

    url = f"http://127.0.0.1:{cloud.port}/v1/uploads/press-1-7"
    picture = noisy(50)
    digest = hashlib.sha256(picture).hexdigest()
    query = {
        "node": "press", "size": str(len(picture)), "priority": "3", "wall_ns": "1",
        "sent_wall_ns": "1",
    }  # fmt: skip

    async def put(session, at, data, sha256):
        params = query | {"at": str(at), "sha256": sha256}
        async with session.put(url, params=params, data=data) as answer:
            return answer.status, await answer.json(content_type=None)

    async with aiohttp.ClientSession() as session:
        assert (await put(session, 5, picture, digest))[0] == 409
        assert (await put(session, 0, picture[:100], "0" * 64))[1]["here"] == 100
        assert (await put(session, 0, picture[:100], digest))[1]["here"] == 100
        assert (await put(session, 100, picture[100:] + b"more", digest))[0] == 422
        wrong = picture[100:-1] + b"x"
        assert (await put(session, 100, wrong, digest))[1] == {
            "id": "press-1-7",
            "here": 0,
            "done": False,
        }
        assert await kept(cloud) == {}
        assert (await put(session, 0, picture, digest))[1]["done"]
        assert (await put(session, 0, b"anything", digest))[1]["done"]
    assert await kept(cloud) == {"press-1-7": picture}


async def test_a_node_has_few_uploads_open(cloud):
    import aiohttp

    async with aiohttp.ClientSession() as session:
        for number in range(9):
            params = {
                "node": "press", "size": "1000", "priority": "3", "wall_ns": "1",
                "sent_wall_ns": "1", "at": "0", "sha256": "a" * 64,
            }  # fmt: skip
            url = f"http://127.0.0.1:{cloud.port}/v1/uploads/press-1-{number}"
            async with session.put(url, params=params, data=b"\xff\xd8\xff") as answer:
                assert answer.status == (200 if number < 8 else 429)


@pytest.mark.parametrize("most", [400_000, 60_000, 12_000])
def test_a_picture_is_made_as_small_as_the_link_wants_it(most):
    full = noisy(1500)
    made = fitted(full, most)
    assert len(made) <= most
    image = cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_COLOR)
    assert max(image.shape) <= max(rung.side for rung in LADDER)
    smallest = fitted(full, 1)
    assert smallest[:4] == b"RIFF"
    assert len(smallest) <= len(made)


def test_what_is_small_enough_or_no_picture_stays_as_it_is():
    small = noisy(20)
    assert fitted(small, 10**6) == small
    assert fitted(b"\xff\xd8\xff no picture", 3) == b"\xff\xd8\xff no picture"


def test_a_better_link_gets_a_larger_picture():
    sizes = [wanted_bytes(goodput) for goodput in (0.001, None, 0.1, 1, 10, 100)]
    assert sizes == sorted(sizes)
