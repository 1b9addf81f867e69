"""What is odd about parts that were taken, beside each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.vision.part_looks import PartLook, look_at, remarks


def picture(level=120, contrast=40, seed=0, side=64):
    chance = np.random.default_rng(seed)
    grey = level + contrast * (np.indices((side, side)).sum(0) // 4 % 2)
    noisy = grey + chance.integers(-3, 4, grey.shape)
    return np.repeat(noisy.clip(0, 255).astype(np.uint8)[..., None], 3, 2)


def looks(*pictures):
    return {f"{place:04}": look_at(each) for place, each in enumerate(pictures)}


def usual(number=20):
    return [picture(seed=seed) for seed in range(number)]


def test_parts_that_are_alike_give_no_remark():
    assert remarks(looks(*usual())) == ()
    assert remarks({}) == ()


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        (picture(level=40, seed=99), "part 0020 is much darker than the others"),
        (picture(level=210, seed=99), "part 0020 is much brighter than the others"),
        (picture(level=138, contrast=4, seed=99), "part 0020 is much less sharp than the others"),
    ],
)
def test_a_part_that_is_far_from_the_others_is_named(odd, told):
    assert remarks(looks(*usual(), odd)) == (told,)


def test_of_many_odd_parts_only_some_are_named():
    (told,) = remarks(looks(*usual(40), *(picture(level=30, seed=s) for s in range(50, 57))))
    assert told == "parts 0040, 0041, 0042, 0043 and 3 more are much darker than the others"


def test_black_and_white_pictures_are_remarked_whatever_the_others_are():
    assert "nearly black" in remarks(looks(*(picture(4, 0, seed) for seed in range(5))))[0]
    assert "is white" in remarks(looks(*(picture(252, 9, seed) for seed in range(5))))[0]


def test_pictures_of_another_size_are_remarked():
    told = remarks(looks(*usual(5), picture(side=80)))
    assert told == (
        "parts are of different sizes (5 of 64 x 64, 1 of 80 x 80): take all with this camera",
    )


def test_a_picture_that_is_there_twice_is_remarked():
    assert remarks(looks(*usual(5), picture(seed=0))) == (
        "1 of 6 pictures are there more than once",
    )


FIGURE = st.floats(0, 1e6)
LOOKS = st.builds(
    PartLook,
    st.floats(0, 100), st.floats(0, 1), FIGURE, st.integers(1, 3), st.integers(1, 3),
    st.integers(0, 5),
)  # fmt: skip


@given(st.dictionaries(st.integers(0, 99).map(str), LOOKS, max_size=30))
def test_whatever_the_figures_are_there_are_few_short_remarks(found):
    told = remarks(found)
    assert len(told) <= 7
    assert all(0 < len(each) < 200 for each in told)
