"""Parts one by one: listed with the oddest first, removed, put back, and learnt from or not."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.store.sealing import Seal
from banksman.vision.jpeg import from_picture_file
from banksman.vision.part_list import part_list
from banksman.vision.part_looks import look_at, unusual
from banksman.vision.parts_folder import PartsFolder
from banksman.vision.sealed_files import SealedFiles
from banksman.vision.showing import THUMBNAIL_SIDE, Showing
from banksman_drivers.fake.camera import Scene


def draw(number, defect=None):
    return Scene(320, 240, number).draw(0.0, defect)


@pytest.fixture
def parts(tmp_path):
    made = PartsFolder(tmp_path / "commission", SealedFiles(Seal(), "caps/commission"))
    for number in range(3):
        made.put("good", "", draw(number))
    made.put("defect", "scratch", draw(9, "scratch"))
    return made


class TestFolder:
    def test_each_part_has_an_id(self, parts):
        assert parts.ids() == ["good-0001", "good-0002", "good-0003", "defect-scratch-0001"]
        assert parts.ids(removed=True) == []

    def test_what_was_removed_is_learnt_from_no_more_and_can_be_put_back(self, parts):
        before = parts.files("good").paths
        parts.remove("good-0002")
        parts.remove("defect-scratch-0001")
        assert len(parts.files("good")) == 2
        assert parts.counts() == (2, {})
        assert parts.ids(removed=True) == ["good-0002", "defect-scratch-0001"]
        parts.put_back("good-0002")
        parts.put_back("defect-scratch-0001")
        assert parts.files("good").paths == before
        assert parts.labels() == ["scratch"]

    def test_a_new_part_takes_no_removed_ones_place(self, parts):
        parts.remove("good-0003")
        parts.put("good", "", draw(7))
        parts.put_back("good-0003")
        assert len(parts.files("good")) == 4

    def test_a_removed_part_can_still_be_looked_at(self, parts):
        parts.remove("good-0002")
        assert np.array_equal(parts.picture("good-0002"), draw(1))

    def test_forgetting_all_forgets_the_removed_ones_too(self, parts):
        parts.remove("good-0002")
        parts.clear()
        with pytest.raises(KeyError):
            parts.put_back("good-0002")

    @pytest.mark.parametrize("step", ["remove", "put_back", "picture"])
    @pytest.mark.parametrize(
        "part", ["good-9999", "", "../../etc/passwd", "good-../0001", "x-0001"]
    )
    def test_what_is_not_there_is_a_key_error(self, parts, step, part):
        with pytest.raises(KeyError):
            getattr(parts, step)(part)

    @given(st.text(max_size=40))
    def test_no_name_reaches_out_of_the_folder(self, name):
        with pytest.raises(KeyError):
            PartsFolder(Path("nowhere")).picture(name)


class TestList:
    def test_the_oddest_good_part_comes_first_as_far_as_it_is_known(self):
        ids = ["good-0001", "good-0002", "good-0003", "good-0004", "defect-hole-0001"]
        told = part_list(
            ids, ["good-0009"], {"good-0002": 2.4, "good-0003": 0.2}, {"good-0004": 5.0}
        )
        assert [each.id for each in told] == [
            "good-0002", "good-0003", "good-0004", "good-0001", "defect-hole-0001", "good-0009",
        ]  # fmt: skip
        assert [each.odd for each in told] == [True, False, True, False, False, False]
        assert (told[4].kind, told[4].label) == ("defect", "hole")

    def test_a_part_of_another_kind_is_far_from_the_others(self):
        looks = {f"{number:04}": look_at(draw(number)) for number in range(20)}
        looks["0099"] = look_at(255 - draw(3))
        looks["0100"] = look_at(np.zeros((64, 64, 3), np.uint8)[:20])
        far = unusual(looks)
        assert sorted(far, key=far.__getitem__)[-2:] == ["0099", "0100"]
        assert far["0099"] > 3.0
        assert sorted(far.values())[10] < 2.0

    def test_of_no_parts_nothing_is_known(self):
        assert unusual({}) == {}


def test_a_part_is_shown_small(make_line, parts):
    showing = Showing(make_line().camera, parts, None)
    jpeg = showing.thumbnail("good-0001")
    assert from_picture_file(jpeg).shape == (180, THUMBNAIL_SIDE, 3)
    assert showing.unusual() == {}
    showing.remarks()
    assert set(showing.unusual()) == {"good-0001", "good-0002", "good-0003"}
