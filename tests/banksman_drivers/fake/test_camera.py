"""The shipped conveyor."""

import numpy as np
import pytest

from banksman_drivers.fake.camera import Scene


def test_a_part_passes_and_comes_again():
    scene = Scene(320, 240)
    first, half, again = (scene.draw(at_s, None, noise=0) for at_s in (0.0, 1.0, 2.0))
    assert (first[120, 160] != half[120, 160]).all()
    assert (first == again).all()


def test_no_two_pictures_are_alike():
    scene = Scene(64, 48)
    pictures = {scene.draw(0.0, None).tobytes() for _ in range(50)}
    assert len(pictures) == 50


def test_the_same_seed_draws_the_same_pictures():
    one, other = Scene(64, 48, seed=4), Scene(64, 48, seed=4)
    assert (one.draw(0.3, None) == other.draw(0.3, None)).all()


@pytest.mark.parametrize("defect", ["scratch", "hole", "stain"])
def test_a_defect_is_on_the_part_and_nowhere_else(defect):
    scene = Scene(320, 240)
    good, bad = scene.draw(0.0, None, noise=0), scene.draw(0.0, defect, noise=0)
    changed = (good != bad).any(axis=2)
    assert 0.001 < changed.mean() < 0.1
    assert (good[changed] == 180).all()  # the part's own grey
    assert bad.dtype == np.uint8
