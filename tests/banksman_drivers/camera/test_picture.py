"""Turning and cropping."""

import numpy as np
import pytest

from banksman_drivers.camera.picture import framed
from banksman_drivers.ports import DeviceLost
from banksman_drivers.settings.camera import CameraSettings


def settings(**options):
    return CameraSettings(driver="camera", id="line", source="fake:", **options)


def numbered():
    return np.arange(40 * 60 * 3, dtype=np.uint32).astype(np.uint8).reshape(40, 60, 3)


def test_a_picture_is_handed_on_without_a_copy_and_cannot_be_written():
    image = numbered()
    out = framed(image, settings())
    assert np.shares_memory(out, image)
    with pytest.raises(ValueError, match="read-only"):
        out[0, 0, 0] = 1


def test_a_crop_is_a_view():
    image = numbered()
    out = framed(image, settings(crop={"left": 10, "top": 5, "width": 20, "height": 30}))
    assert np.shares_memory(out, image)
    assert (out == image[5:35, 10:30]).all()


@pytest.mark.parametrize(("turn", "corner"), [(90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_turns_are_clockwise(turn, corner):
    image = numbered()
    image[0, 0] = 255
    image[0, 1:] = 0
    out = framed(image, settings(rotate_deg=turn))
    assert out.shape == ((60, 40, 3) if turn != 180 else (40, 60, 3))
    assert (out[corner] == 255).all()
    assert out.flags.c_contiguous


def test_the_crop_is_of_the_turned_picture():
    out = framed(numbered(), settings(rotate_deg=90, crop={"width": 40, "height": 60}))
    assert out.shape == (60, 40, 3)


def test_a_crop_beyond_the_picture_is_told_with_the_pictures_size():
    with pytest.raises(DeviceLost, match="60 x 40"):
        framed(numbered(), settings(crop={"left": 50, "width": 20, "height": 20}))
