"""Pictures under the store's key: sealed on the disk, and set aside where they do not open."""

from __future__ import annotations

import numpy as np
import pytest

from banksman.store.rows import base_of
from banksman.store.sealing import Seal, Unreadable
from banksman.vision.aside import PAIRS_MOST
from banksman.vision.cabinet import Cabinet
from banksman.vision.exhibit import Exhibit
from banksman.vision.parts_folder import PartsFolder
from banksman.vision.sealed_files import SealedFiles
from banksman.wire.messages import Priority

JPEG = b"\xff\xd8 a part that nobody else shall see"
OLD, NEW = b"o" * 32, b"n" * 32
FIRST_SEALED_EPOCH = 3


def exhibit(name="box-5-1"):
    return Exhibit(
        id=name, picture_id=f"{name}p", station="caps", wall_ns=5, priority=Priority.NORMAL,
        point="q", action="stop", reason="a crack", confidence=0.5, review=True, severity="warning",
        bundle="caps-1", width=64, height=48,
    )  # fmt: skip


def sealed(*keys):
    seal = Seal(keys)
    if keys:
        seal.first_sealed = base_of(FIRST_SEALED_EPOCH)
    return seal


@pytest.fixture
def told():
    return []


@pytest.fixture
def cabinet(tmp_path, told):
    """Opens the folder as one start of the daemon does, with these keys."""

    def make(*keys, room="caps/pictures"):
        return Cabinet(tmp_path, 10, 10**6, SealedFiles(sealed(*keys), room), told.append)

    return make


def test_neither_picture_nor_story_can_be_read_off_the_disk(cabinet, tmp_path):
    cabinet(NEW).put(exhibit(), JPEG)
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"nobody else" not in content
    assert b"a crack" not in content
    again = cabinet(NEW)
    assert again.picture("box-5-1") == JPEG
    assert again.get("box-5-1").reason == "a crack"


def test_under_a_new_key_what_the_old_one_sealed_still_opens(cabinet):
    cabinet(OLD).put(exhibit(), JPEG)
    again = cabinet(NEW, OLD)
    again.change("box-5-1", answer="good")
    assert cabinet(NEW, OLD).picture("box-5-1") == JPEG


def test_without_the_key_pictures_are_set_aside_and_told_and_come_back_with_it(cabinet, told):
    cabinet(OLD).put(exhibit(), JPEG)
    lost = cabinet(NEW)
    assert (len(lost), lost.aside) == (0, 1)
    assert "1 kept pictures do not open" in told[0]
    assert "which is not here" in told[0]
    lost.put(exhibit("box-6-1"), JPEG)
    back = cabinet(NEW, OLD)
    assert (len(back), back.aside) == (2, 0)
    assert back.picture("box-5-1") == JPEG


def test_a_box_that_lost_its_only_key_goes_on(cabinet):
    cabinet(OLD).put(exhibit(), JPEG)
    lost = cabinet()
    lost.put(exhibit("box-6-1"), JPEG)
    assert [each.id for each in lost.exhibits()] == ["box-6-1"]
    assert lost.aside == 1


def test_a_picture_that_was_tampered_with_is_shown_to_nobody(cabinet, tmp_path, told):
    here = cabinet(NEW)
    here.put(exhibit(), JPEG)
    path = tmp_path / "box-5-1.jpg"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(KeyError):
        here.picture("box-5-1")
    assert "seal is broken" in told[0]
    assert (len(here), here.aside) == (0, 1)
    assert cabinet(NEW).aside == 1  # and it stays so


def test_a_picture_swapped_with_another_ones_is_noticed(cabinet, tmp_path):
    here = cabinet(NEW)
    here.put(exhibit("box-5-1"), JPEG)
    here.put(exhibit("box-5-2"), JPEG + b"2")
    (tmp_path / "box-5-1.jpg").write_bytes((tmp_path / "box-5-2.jpg").read_bytes())
    with pytest.raises(KeyError):
        here.picture("box-5-1")
    assert here.picture("box-5-2") == JPEG + b"2"


def test_a_picture_of_another_station_does_not_open_here(cabinet):
    cabinet(NEW, room="lids/pictures").put(exhibit(), JPEG)
    assert cabinet(NEW, room="caps/pictures").aside == 1


def test_a_plain_picture_put_there_although_there_was_a_key_is_refused(cabinet, tmp_path):
    cabinet(NEW).put(exhibit(), JPEG)
    (tmp_path / "box-5-1.jpg").write_bytes(b"\xff\xd8 another part")
    with pytest.raises(KeyError):
        cabinet(NEW).picture("box-5-1")


def test_pictures_from_before_the_first_key_can_still_be_seen(cabinet):
    cabinet().put(exhibit("box-2-9"), JPEG)
    later = cabinet(NEW)
    assert later.picture("box-2-9") == JPEG
    assert later.aside == 0


def test_what_is_set_aside_is_bounded(tmp_path, told):
    seal = SealedFiles(sealed(OLD), "caps/pictures")
    full = Cabinet(tmp_path, 1000, 10**9, seal)
    for number in range(PAIRS_MOST + 3):
        full.put(exhibit(f"box-5-{number}"), JPEG)
    lost = Cabinet(tmp_path, 10, 10**6, SealedFiles(sealed(NEW), "caps/pictures"), told.append)
    assert lost.aside == PAIRS_MOST


def test_parts_to_learn_from_are_sealed_too_and_one_that_was_changed_is_named(tmp_path):
    picture = np.random.default_rng(1).integers(0, 255, (32, 32, 3), np.uint8)
    folder = PartsFolder(tmp_path, SealedFiles(sealed(NEW), "caps/commission"))
    folder.put("good", "", picture)
    (path,) = (tmp_path / "good").iterdir()
    assert not path.read_bytes().startswith(b"\x89PNG")
    assert np.array_equal(folder.files("good")[0], picture)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match=r"0001\.png.*seal is broken"):
        folder.files("good")[0]
    assert issubclass(Unreadable, ValueError)
