import numpy as np
import pytest

from banksman_inference.contrast import Contrast, joined
from banksman_inference.feature_maps import patches

CHANNELS = (3, 4, 5, 6, 7)


def contrast(seed, hidden=8):
    random = np.random.default_rng(seed)
    shapes = ((25,), (25, hidden), (hidden,), (hidden,), (1,))
    return Contrast(*(random.normal(size=shape).astype(np.float32) for shape in shapes))


@pytest.fixture
def maps():
    random = np.random.default_rng(9)
    sides = (16, 8, 4, 4, 2)
    return tuple(
        random.normal(size=(side, 2 * side, channels)).astype(np.float32)
        for side, channels in zip(sides, CHANNELS, strict=True)
    )


def test_stage_by_stage_gives_what_joined_patches_give(maps):
    one = contrast(0)
    features = patches(maps, 8, 16)
    hidden = np.maximum((features - one.mean) @ one.inward + one.inner, 0)
    assert one.logits(maps, (8, 16)) == pytest.approx(hidden @ one.outward + one.outer, abs=1e-4)


def test_joined_contrasts_say_the_mean_of_what_each_says(maps):
    each = [contrast(seed) for seed in range(5)]
    mean = np.mean([one.logits(maps, (8, 16)) for one in each], axis=0)
    assert joined(each).logits(maps, (8, 16)) == pytest.approx(mean, abs=1e-4)
