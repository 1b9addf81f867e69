"""From good pictures of a made product to a memory, a head, and what they say of a new part."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import made_product
from banksman.clock import ManualClock
from banksman.vision.fitting import fit
from banksman.vision.inspection import PictureRefused, Region
from banksman.vision.inspector import Inspector
from banksman.vision.preprocessing import Preprocessing
from banksman_inference.arrays import read_arrays, write_arrays
from banksman_inference.bundle import MODEL, read_bundle
from banksman_inference.class_head import ClassHead
from banksman_inference.litert import LiteRtNetwork
from banksman_inference.patch_memory import PatchMemory
from banksman_inference.ports import ModelRefused

GOODS, DEFECTS = 28, 12
PREPARING = Preprocessing(320, 320)
pytestmark = pytest.mark.timeout(600)  # it learns


@pytest.fixture(scope="module")
def network():
    shipped = Path(str(files("banksman_inference.backbone") / "efficientnet-lite0.bundle"))
    return LiteRtNetwork("backbone", "1", read_bundle(shipped).members[MODEL])


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def fitted(network, told):
    good = [made_product.part(seed) for seed in range(GOODS)]
    defects = [made_product.scratched(100 + seed)[0] for seed in range(DEFECTS // 2)]
    defects += [made_product.holed(100 + seed) for seed in range(DEFECTS // 2)]
    labels = ["scratch"] * (DEFECTS // 2) + ["hole"] * (DEFECTS // 2)
    return fit(network, PREPARING, good, defects, labels, progress=lambda *at: told.append(at))


@pytest.fixture(scope="module")
def good_only(network, fitted):
    return Inspector(network, PREPARING, ManualClock(), memory=fitted.memory)


@pytest.fixture(scope="module")
def whole(network, fitted):
    return Inspector(network, PREPARING, ManualClock(), memory=fitted.memory, head=fitted.head)


def test_good_parts_alone_teach_to_find_scratches(good_only):
    good = [good_only.inspect(made_product.part(seed)).score for seed in range(500, 520)]
    bad = [good_only.inspect(made_product.scratched(seed)[0]).score for seed in range(600, 620)]
    above = np.mean([[defect > part for defect in bad] for part in good])
    assert above > 0.95


def test_the_heat_lies_on_the_scratch(good_only):
    hits = 0
    for seed in range(600, 612):
        picture, (row, column) = made_product.scratched(seed)
        heat = good_only.inspect(picture).heat
        hottest = np.array(np.unravel_index(heat.argmax(), heat.shape)) + 0.5
        at = hottest * np.array(picture.shape[:2]) / heat.shape
        hits += np.hypot(at[0] - row, at[1] - column) < 25
    assert hits >= 10


def test_the_head_names_the_class(whole):
    holes = [whole.inspect(made_product.holed(seed)) for seed in range(700, 706)]
    goods = [whole.inspect(made_product.part(seed)) for seed in range(800, 806)]
    assert sum(each.label == "hole" for each in holes) >= 5
    assert sum(each.label == "good" for each in goods) >= 5
    assert all(0 <= each.confidence <= 1 for each in [*holes, *goods])


def test_held_out_scores_are_told_for_every_part(fitted):
    assert fitted.good_scores.shape == (GOODS,)
    assert fitted.defect_scores.shape == (DEFECTS,)
    assert np.median(fitted.defect_scores) > np.quantile(fitted.good_scores, 0.9)


def test_learning_says_how_far_it_is(fitted, told):
    done = [at for at, _, _ in told]
    assert done == sorted(done)
    assert told[-1][0] <= told[-1][1]
    assert len(told) > GOODS * 6


def test_learning_ends_when_the_caller_says_so(network):
    class Enough(Exception):
        pass

    def stop(done, total, what):
        if done == 5:
            raise Enough

    with pytest.raises(Enough):
        fit(network, PREPARING, [made_product.part(1)] * 20, progress=stop)


def test_a_memory_and_a_head_from_a_bundle_say_the_same(network, whole, fitted):
    memory = PatchMemory.from_bytes(fitted.memory.to_bytes())
    head = ClassHead.from_bytes(fitted.head.to_bytes())
    again = Inspector(network, PREPARING, ManualClock(), memory=memory, head=head)
    for picture in (made_product.part(900), made_product.scratched(901)[0]):
        one, other = whole.inspect(picture), again.inspect(picture)
        assert one.score == other.score
        assert np.array_equal(one.heat, other.heat)


def test_a_memory_is_bounded(fitted):
    assert len(fitted.memory.to_bytes()) < GOODS * 30_000 + 1_000_000


def test_what_lies_outside_the_region_changes_nothing(network, fitted):
    region = Region(30, 20, 200, 200)
    looking = Inspector(network, PREPARING, ManualClock(), memory=fitted.memory, region=region)
    part = made_product.part(950)
    scores = set()
    for around in (0, 255):
        picture = np.full((240, 260, 3), around, np.uint8)
        picture[20:220, 30:230] = part
        scores.add(looking.inspect(picture).score)
    assert len(scores) == 1


def test_a_region_beyond_the_picture_is_refused_with_the_reason(network, fitted):
    region = Region(100, 0, 200, 200)
    looking = Inspector(network, PREPARING, ManualClock(), memory=fitted.memory, region=region)
    with pytest.raises(PictureRefused, match="outside the picture of 200x200"):
        looking.inspect(made_product.part(1))


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((200, 200, 3), np.uint8),
        np.full((200, 200, 3), 255, np.uint8),
        np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8),
    ],
    ids=["black", "white", "noise"],
)
def test_a_picture_without_a_part_is_very_odd_and_still_a_number(good_only, picture):
    score = good_only.inspect(picture).score
    assert np.isfinite(score)
    assert score > 1


@pytest.mark.parametrize("shape", [(200, 200), (200, 200, 1), (200, 200, 4), (37, 301, 3)])
def test_grey_transparent_and_odd_sized_pictures_are_taken(good_only, shape):
    inspection = good_only.inspect(np.full(shape, 90, np.uint8))
    assert np.isfinite(inspection.score)
    assert inspection.heat.shape[0] <= 40
    assert inspection.heat.shape[1] <= 40


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((200, 200, 3), np.float32),
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((200, 200, 2), np.uint8),
        np.zeros((0, 200, 3), np.uint8),
        np.zeros((16, 900, 3), np.uint8),
        np.zeros((2, 200, 200, 3), np.uint8),
    ],
    ids=["floats", "tiny", "two channels", "empty", "a line", "a film"],
)
def test_what_is_no_picture_is_refused_and_the_next_one_is_seen(good_only, picture):
    with pytest.raises(PictureRefused):
        good_only.inspect(picture)
    assert np.isfinite(good_only.inspect(made_product.part(1)).score)


def test_a_grey_picture_scores_as_the_same_in_three_channels(good_only):
    picture = made_product.part(5)
    assert good_only.inspect(picture[:, :, 0]).score == good_only.inspect(picture).score


def test_a_broken_good_picture_is_named_by_its_place(network):
    pictures = [made_product.part(seed) for seed in range(20)]
    pictures[2] = np.zeros((3, 3, 3), np.uint8)
    with pytest.raises(PictureRefused, match="good part number 3"):
        fit(network, PREPARING, pictures)


def test_too_few_good_parts_are_refused(network):
    with pytest.raises(ValueError, match="19 good parts are too few"):
        fit(network, PREPARING, [made_product.part(1)] * 19)


def test_an_inspector_without_memory_and_head_is_refused(network):
    with pytest.raises(ValueError, match="commission"):
        Inspector(network, PREPARING, ManualClock())


@pytest.mark.parametrize(
    "name",
    ["mean", "inward", "patches", "ends", "wholes", "good", "peaks", "grid", "outer", "usual"],
)
def test_a_memory_with_an_impossible_array_is_refused(fitted, name):
    arrays = dict(read_arrays(fitted.memory.to_bytes(), 32_000_000))
    arrays[name] = arrays[name][:1].astype(arrays[name].dtype)
    if name in ("mean", "outer", "wholes"):
        arrays[name] = np.full_like(arrays[name], np.nan)
    with pytest.raises(ModelRefused, match="commission again"):
        PatchMemory.from_bytes(write_arrays(arrays))


def test_a_memory_of_before_there_were_usual_distances_still_judges(network, fitted):
    arrays = dict(read_arrays(fitted.memory.to_bytes(), 32_000_000))
    del arrays["usual"]
    memory = PatchMemory.from_bytes(write_arrays(arrays))
    looking = Inspector(network, PREPARING, ManualClock(), memory=memory)
    good, bad = made_product.part(900), made_product.scratched(901)[0]
    seen = looking.inspect(bad)
    assert seen.score >= looking.inspect(good).score
    again = PatchMemory.from_bytes(memory.to_bytes())
    looking = Inspector(network, PREPARING, ManualClock(), memory=again)
    assert looking.inspect(bad).score == seen.score


def of_before(memory):
    """The arrays of a memory as they were before there was recall: a coreset in its place."""
    arrays = read_arrays(memory.to_bytes(), 32_000_000)
    random = np.random.default_rng(0)
    kept = ("mean", "inward", "inner", "outward", "outer", "grid")
    return {
        **{name: arrays[name] for name in kept},
        "centre": np.zeros(272, np.float32),
        "project": random.normal(0, 0.1, (272, 16)).astype(np.float32),
        "coreset": random.normal(0, 1, (50, 16)).astype(np.float16),
        "good_spot": arrays["good"][:, 0],
        "good_far": np.linspace(0, 1, len(arrays["good"])).astype(np.float32),
    }


def test_a_memory_of_before_there_was_recall_still_judges(network, fitted):
    memory = PatchMemory.from_bytes(write_arrays(of_before(fitted.memory)))
    looking = Inspector(network, PREPARING, ManualClock(), memory=memory)
    good, bad = made_product.part(900), made_product.scratched(901)[0]
    seen = looking.inspect(bad)
    assert seen.score >= looking.inspect(good).score
    again = Inspector(
        network, PREPARING, ManualClock(), memory=PatchMemory.from_bytes(memory.to_bytes())
    )
    assert again.inspect(bad).score == seen.score


def test_the_coreset_of_before_speaks_behind_its_guard(fitted):
    memory = PatchMemory.from_bytes(write_arrays(of_before(fitted.memory)))
    middle, most = np.median(memory.good, axis=0), memory.good.max(axis=0)
    of_spot, of_far = memory.rarity(
        np.array([[most[0], middle[1]], [middle[0], most[1]]], np.float32)
    )
    assert of_far == pytest.approx(of_spot - 1, abs=0.4)
