"""Codes in pictures: written by the library's own writer, read back; strangers' data kept tame."""

import numpy as np
import pytest

from banksman.vision.codes import CODE_CHARS_MAX, CODES_MOST, Codes
from banksman.vision.inspection import PictureRefused, Region

zxingcpp = pytest.importorskip("zxingcpp")


def picture(*texts, kind="QRCode"):
    height, width = 260, 260 * max(1, len(texts))
    image = np.full((height, width, 3), 255, np.uint8)
    for place, text in enumerate(texts):
        code = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
        drawn = np.array(zxingcpp.write_barcode_to_image(code, scale=4))
        drawn = drawn[:240, :240]
        left = 260 * place + 10
        image[10 : 10 + drawn.shape[0], left : left + drawn.shape[1]] = drawn[..., None]
    return image


def test_a_code_is_read():
    assert Codes().read(picture("PART-4711")) == ("PART-4711",)


def test_several_codes_are_all_read():
    assert set(Codes().read(picture("A-1", "B-2"))) == {"A-1", "B-2"}


def test_a_picture_without_a_code_has_none():
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    assert Codes().read(noise) == ()


def test_what_a_stranger_wrote_is_made_printable_and_short():
    texts = Codes().read(picture("bell\a and\nline\x1b[2J" + "x" * 60))
    assert all(text.isprintable() for text in texts)
    assert texts


def test_the_bounds_are_sane():
    assert CODES_MOST <= 100
    assert CODE_CHARS_MAX <= 500


def test_a_damaged_code_is_no_reading_and_harms_nobody():
    whole = picture("PART-0815")
    spoilt = whole.copy()
    spoilt[: spoilt.shape[0] // 2] = 0
    assert Codes().read(spoilt) == ()


def test_of_several_codes_the_damaged_one_is_left_out():
    spoilt = picture("PART-2")
    spoilt[:, spoilt.shape[1] // 3 :] = 255
    height = max(picture("PART-1").shape[0], spoilt.shape[0])
    both = np.full((2 * height + 40, 600, 3), 255, np.uint8)
    whole = picture("PART-1")
    both[: whole.shape[0], : whole.shape[1]] = whole
    both[height + 40 : height + 40 + spoilt.shape[0], : spoilt.shape[1]] = spoilt
    assert Codes().read(both) == ("PART-1",)


def test_only_the_region_is_read():
    both = picture("LEFT-1", "RIGHT-2")
    assert Codes(Region(260, 0, 260, 260)).read(both) == ("RIGHT-2",)


def test_a_region_outside_the_picture_is_refused():
    with pytest.raises(PictureRefused, match="lies outside"):
        Codes(Region(0, 0, 5000, 10)).read(picture("A-1"))
