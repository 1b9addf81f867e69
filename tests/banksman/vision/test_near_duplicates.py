import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_product
from banksman.vision.near_duplicates import (
    GROUPS_MIN,
    detail,
    grouped,
    likeness,
    near_duplicates,
    slices,
)


def again(picture, seed, shift=0):
    """The same part photographed again: moved, a little darker, with other noise."""
    random = np.random.default_rng(seed)
    moved = np.roll(picture, (shift, -shift), (0, 1)).astype(float) * 0.95
    return np.clip(moved + random.normal(0, 1, picture.shape), 0, 255).astype(np.uint8)


def cast(seed, side=128):
    """A part of some coarse surface, unlike any other part's."""
    grain = np.random.default_rng(seed).normal(128, 40, (side // 8, side // 8)).astype(np.float32)
    grey = np.clip(cv2.resize(grain, (side, side), interpolation=cv2.INTER_CUBIC), 0, 255)
    return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)


def groups(pictures):
    return near_duplicates(likeness([detail(each) for each in pictures]))


def test_a_part_photographed_twice_is_one_group_and_others_are_their_own():
    parts = [cast(seed) for seed in range(12)]
    found = groups([*parts, again(parts[3], 0), again(parts[7], 1, shift=4)])
    assert len(np.unique(found)) == 12
    assert found[12] == found[3]
    assert found[13] == found[7]


def test_parts_in_a_fixture_that_all_look_alike_are_not_one_part():
    parts = [made_product.part(seed) for seed in range(20)]
    assert np.median(likeness([detail(each) for each in parts])) > 0.85
    assert len(np.unique(groups(parts))) == 20
    twin = groups([*parts, again(parts[4], 3)])
    assert len(np.unique(twin)) == 20
    assert twin[20] == twin[4]


def test_pictures_of_one_part_alone_cannot_be_told_apart():
    found = groups([made_product.part(1)] * 20)
    assert len(np.unique(found)) == 20


def test_a_part_of_another_shape_is_no_twin():
    wide, high = made_product.part(1)[:100], made_product.part(1)[:, :100]
    assert likeness([detail(wide), detail(high)])[0, 1] == -1


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_of_nothing_is_like_nothing(value):
    blank, part = np.full((50, 50, 3), value, np.uint8), made_product.part(1)
    found = likeness([detail(blank), detail(part)])
    assert np.isfinite(found).all()
    assert abs(found[0, 1]) < 0.5


@given(st.integers(2, 40), st.integers(0, 1000), st.floats(-1, 1))
@settings(deadline=None, max_examples=50)
def test_whoever_is_alike_shares_a_group_and_nobody_else(count, seed, alike):
    random = np.random.default_rng(seed)
    half = random.uniform(-1, 1, (count, count)).astype(np.float32)
    both = np.maximum(half, half.T)
    found = grouped(both, alike)
    reach = (both > alike) | np.eye(count, dtype=bool)
    for _ in range(count):
        reach = (reach.astype(int) @ reach.astype(int)) > 0
    assert np.array_equal(found[:, None] == found, reach)


def test_many_pictures_are_compared_in_slices():
    told = []
    details = [detail(made_product.part(seed, 40)) for seed in range(70)]
    likeness(details, lambda: told.append(1))
    assert len(told) == slices(70) == 3
    assert GROUPS_MIN < 70
