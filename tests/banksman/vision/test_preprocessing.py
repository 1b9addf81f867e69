"""From a camera's picture to the network's input: large ones are halved first, and look alike."""

import cv2
import numpy as np
import pytest

from banksman.vision.inspection import Region
from banksman.vision.preprocessing import Preprocessing

INPUT = Preprocessing(320, 320)


def blurred(height, width):
    noise = np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 4)


@pytest.mark.parametrize(
    ("height", "width", "shape"),
    [(720, 1280, (180, 320)), (1080, 1920, (180, 320)), (721, 1283, (180, 320)),
     (1944, 2592, (240, 320)), (3000, 200, (320, 21))],
)  # fmt: skip
def test_a_large_picture_looks_as_if_it_were_scaled_in_one_step(height, width, shape):
    picture = blurred(height, width)
    part = INPUT.scaled(picture)
    assert part.shape == (*shape, 3)
    once = cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_AREA)
    apart = part.astype(int) - once
    assert np.abs(apart).max() <= 12
    assert abs(apart.mean()) < 0.5


@pytest.mark.parametrize("size", [(240, 320), (480, 640), (1000, 1000), (1279, 1270)])
def test_a_picture_of_less_than_four_times_the_input_is_scaled_in_one_step(size):
    picture = blurred(*size)
    part = INPUT.scaled(picture)
    rows, columns = part.shape[:2]
    once = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
    assert np.array_equal(part, once)


def test_a_region_of_a_large_picture_shows_what_the_region_alone_shows():
    picture = blurred(1080, 1920)
    region = Region(101, 51, 1501, 901)
    cut = np.ascontiguousarray(region.of(picture))
    prepared = INPUT.prepare(picture, region)
    assert np.array_equal(prepared.tensor, INPUT.prepare(cut).tensor)
