"""Pictures that come in pieces: exactly once, from where they broke off; on both databases."""

from __future__ import annotations

import asyncio
import hashlib
import os

import msgspec
import pytest
from cloud_batches import NODE, WALL_NS

from banksman_cloud.endpoint import Endpoint
from banksman_cloud.ingest.checking import ItemRefused
from banksman_cloud.pictures import PictureFolder
from banksman_cloud.retention import UPLOAD_QUIET_NS, Keep
from banksman_cloud.sweeper import Sweeper
from banksman_cloud.uploads import OPEN_MAX, Piece, TooManyUploads, WrongPlace

JPEG = b"\xff\xd8\xff\xe0" + os.urandom(9_996)
CUT = 4_000


def piece(number: int = 1, at: int = 0, body: bytes = JPEG[:CUT], whole: bytes = JPEG) -> Piece:
    return Piece(
        id=f"{NODE}-1-{number}", at=at, size=len(whole), sha256=hashlib.sha256(whole).hexdigest(),
        priority=2, wall_ns=WALL_NS, sent_wall_ns=WALL_NS, about="a scratch", body=body,
    )  # fmt: skip


async def send(endpoint: Endpoint, number: int = 1, whole: bytes = JPEG):
    """All of it, in pieces, from where the endpoint says."""
    wanted = piece(number, whole=whole)
    state = await endpoint.upload_state(NODE, wanted.id, wanted.sha256)
    while not state.done:
        body = whole[state.here : state.here + CUT]
        state = await endpoint.upload(NODE, piece(number, state.here, body, whole))
    return state


async def kept(engine) -> dict[str, int]:
    tables = ("record", "picture", "upload", "upload_piece")

    def work(db):
        return {table: db.one(f"SELECT count(*) FROM {table}")[0] for table in tables}

    return await engine.read(work)


async def test_a_picture_in_pieces_is_kept_once_and_whole(endpoint, opened):
    assert (await send(endpoint)).done
    assert await kept(opened) == {"record": 1, "picture": 1, "upload": 0, "upload_piece": 0}
    body, digest = await opened.read(lambda db: db.one("SELECT body, sha256 FROM picture"))
    assert bytes(body) == JPEG
    assert digest == hashlib.sha256(JPEG).hexdigest()


async def test_what_broke_off_goes_on_from_its_last_byte_also_at_another_worker(
    endpoint, opened, now
):
    await endpoint.upload(NODE, piece())
    other = Endpoint(opened, now)
    assert (await other.upload_state(NODE, piece().id, piece().sha256)).here == CUT
    with pytest.raises(WrongPlace) as wrong:
        await other.upload(NODE, piece(at=CUT + 1))
    assert wrong.value.here == CUT
    assert (await send(other)).done


async def test_a_piece_that_comes_twice_is_kept_once(endpoint, opened):
    await endpoint.upload(NODE, piece())
    with pytest.raises(WrongPlace):
        await endpoint.upload(NODE, piece())
    await send(endpoint)
    assert (await endpoint.upload(NODE, piece())).done, "the whole one is known"
    assert (await kept(opened))["record"] == 1


async def test_of_pieces_that_come_at_once_one_is_taken(endpoint, opened):
    """As after a time-out: the box sends again while the first request is still at work."""
    answers = await asyncio.gather(
        *(endpoint.upload(NODE, piece()) for _ in range(5)), return_exceptions=True
    )
    assert (
        sorted(type(answer).__name__ for answer in answers) == ["UploadState"] + ["WrongPlace"] * 4
    )
    assert (await kept(opened))["upload_piece"] == 1


async def test_last_pieces_that_come_at_once_make_one_picture(endpoint, opened):
    for at in (0, CUT):
        await endpoint.upload(NODE, piece(at=at, body=JPEG[at : at + CUT]))
    last = piece(at=2 * CUT, body=JPEG[2 * CUT :])
    await asyncio.gather(*(endpoint.upload(NODE, last) for _ in range(4)), return_exceptions=True)
    assert (await send(endpoint)).done
    assert await kept(opened) == {"record": 1, "picture": 1, "upload": 0, "upload_piece": 0}


async def test_other_bytes_for_the_same_id_begin_anew(endpoint, opened):
    await endpoint.upload(NODE, piece())
    another = b"\xff\xd8\xff\xe0" + bytes(5_000)
    assert (await send(endpoint, whole=another)).done
    (body,) = await opened.read(lambda db: db.one("SELECT body FROM picture"))
    assert bytes(body) == another


async def test_bytes_that_do_not_sum_up_are_thrown_away_and_asked_for_anew(endpoint, opened):
    forged = JPEG[:-1] + bytes([JPEG[-1] ^ 1])
    for at in (0, CUT):
        await endpoint.upload(NODE, piece(at=at, body=forged[at : at + CUT]))
    state = await endpoint.upload(NODE, piece(at=2 * CUT, body=forged[2 * CUT :]))
    assert (state.here, state.done) == (0, False)
    assert await kept(opened) == {"record": 0, "picture": 0, "upload": 0, "upload_piece": 0}
    assert (await send(endpoint)).done


async def test_more_bytes_than_were_said_and_what_is_no_picture_are_refused(endpoint, opened):
    with pytest.raises(ItemRefused, match="were said"):
        await endpoint.upload(NODE, piece(body=JPEG + b"more"))
    with pytest.raises(ItemRefused):
        await endpoint.upload(NODE, piece(2, body=b"GIF89a", whole=b"GIF89a" * 10))
    with pytest.raises(ItemRefused):
        await endpoint.upload(NODE, msgspec.structs.replace(piece(3), id="../../etc/passwd"))
    assert (await kept(opened))["upload_piece"] == 0


async def test_a_node_begins_so_many_and_no_more(endpoint):
    for number in range(OPEN_MAX):
        await endpoint.upload(NODE, piece(number + 1))
    with pytest.raises(TooManyUploads):
        await endpoint.upload(NODE, piece(OPEN_MAX + 1))
    assert (await send(endpoint, 1)).done
    await endpoint.upload(NODE, piece(OPEN_MAX + 1))


async def test_pieces_whose_rest_never_comes_are_swept_and_counted(endpoint, opened, now):
    await endpoint.upload(NODE, piece())
    now.pass_s(UPLOAD_QUIET_NS / 1e9 + 7200)
    swept = await Sweeper(opened, {"picture": Keep()}, now, breath_s=0.0).sweep()
    assert swept["picture"].bytes == CUT
    assert await kept(opened) == {"record": 0, "picture": 0, "upload": 0, "upload_piece": 0}
    assert (await send(endpoint)).done


async def test_with_files_a_whole_one_lies_in_the_folder(opened, now, tmp_path):
    endpoint = Endpoint(opened, now, PictureFolder(tmp_path / "pictures"))
    await send(endpoint)
    (file,) = tmp_path.rglob("*.jpg")
    assert file.read_bytes() == JPEG
