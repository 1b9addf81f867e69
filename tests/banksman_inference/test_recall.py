import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman_inference.recall import Kept, Recall, neighbourhoods, stored
from banksman_inference.usual import Usual

SIZE = 8


def kept(seed, rows=4, columns=5):
    random = np.random.default_rng(seed)
    return Kept(
        random.normal(size=(rows, columns, SIZE)).astype(np.float32),
        random.normal(size=SIZE).astype(np.float32),
    )


def remembering(parts):
    eye, nothing = np.eye(SIZE, dtype=np.float32), np.zeros(SIZE, np.float32)
    patches = [stored(each.patches) for each in parts]
    return Recall(
        nothing,
        eye,
        nothing,
        eye,
        np.stack([each.whole for each in parts]),
        np.concatenate(patches),
        np.cumsum([len(each) for each in patches]).astype(np.int32),
        np.zeros(0, np.float32),
    )


@pytest.fixture
def recall():
    return remembering([kept(seed) for seed in range(30)])


def test_a_part_that_is_remembered_is_near_and_another_is_not(recall):
    same, other = recall.compare(kept(3)), recall.compare(kept(99))
    assert same.distances.max() < 0.2
    assert same.values[3] == 0
    assert other.distances.mean() > 1


def test_a_part_that_is_left_out_is_judged_by_the_others(recall):
    without = np.arange(30) == 3
    assert recall.compare(kept(3), without).distances.mean() > 1


def test_one_changed_patch_is_told_where_it_lies(recall):
    part = kept(3)
    patches = part.patches.copy()
    patches[2, 4] += 9
    told = recall.compare(msgspec.structs.replace(part, patches=patches))
    assert np.unravel_index(told.distances.argmax(), told.distances.shape) == (2, 4)
    assert (np.delete(told.distances.ravel(), 14) < 0.2).all()


@given(st.integers(0, 1000), st.integers(1, 9), st.integers(1, 9))
@settings(deadline=None, max_examples=40)
def test_the_hottest_twentieth_is_over_the_fifth_and_that_over_the_mean(seed, rows, columns):
    recall = remembering([kept(each, 3, 3) for each in range(5)])
    hottest, hot, mean, whole = recall.compare(kept(seed, rows, columns)).values
    assert hottest >= hot - 1e-4
    assert hot >= mean - 1e-4
    assert mean >= 0
    assert whole >= 0


def usual_of(recall, parts, groups):
    return Usual(recall, parts, groups, lambda: None)


def test_a_distance_counts_by_what_is_usual_there():
    """Left halves of all parts are nearly alike, right halves are not."""
    parts = []
    for seed in range(30):
        part = kept(seed)
        part.patches[:, :2] = 0.01 * part.patches[:, :2] + np.arange(SIZE)
        parts.append(part)
    recall = remembering(parts)
    usual = usual_of(recall, parts, np.arange(30)).of_all()
    told = msgspec.structs.replace(recall, usual=usual)
    changed = kept(99)
    changed.patches[:, :2] = 0.01 * changed.patches[:, :2] + np.arange(SIZE)
    changed.patches[1, 1, 0] += 1
    plain = recall.compare(changed).distances
    by_usual = told.compare(changed).distances
    assert plain[1, 1] < plain[:, 2:].max()
    assert np.unravel_index(by_usual.argmax(), by_usual.shape) == (1, 1)


def test_a_part_held_out_moves_nothing_that_it_is_judged_by():
    parts = [kept(seed) for seed in range(30)]
    recall, groups = remembering(parts), np.arange(30)
    inside = recall.compare(parts[7], groups == 7, usual_of(recall, parts, groups).without(7))
    others = [part for number, part in enumerate(parts) if number != 7]
    alone = remembering(others)
    known = usual_of(alone, others, np.arange(29)).of_all()
    outside = msgspec.structs.replace(alone, usual=known).compare(parts[7])
    # NEAR of 28 others were asked with it, and of 28 without it: the farthest may differ.
    assert inside.values == pytest.approx(outside.values, rel=0.02)


def test_a_part_whose_neighbours_are_all_one_group_is_judged_by_them():
    parts = [kept(seed) for seed in range(12)]
    recall = remembering(parts)
    groups = np.array([0] + [1] * 11)
    known = usual_of(recall, parts, groups).without(1)(0)
    assert np.isfinite(known).all()
    assert len(known) == 20


def test_a_neighbourhood_is_the_mean_of_nine_and_mirrored_at_the_edge():
    maps = [np.zeros((1, 1, 1), np.float32)] * 6
    fine = np.zeros((4, 4, 1), np.float32)
    fine[0, 0] = 9
    maps[2] = maps[3] = maps[4] = fine
    found = neighbourhoods(tuple(maps), (8, 8), (8, 8))
    assert found.shape == (4, 4, 3)
    assert found[0, 0, 0] == pytest.approx(4)
    assert found[1, 1, 0] == pytest.approx(1)
    assert found[0, 1, 0] == pytest.approx(2)
    assert found[2, 2, 0] == 0


def test_what_the_letterbox_added_is_not_looked_at():
    random = np.random.default_rng(0)
    maps = [random.normal(size=(4, 4, 2)).astype(np.float32) for _ in range(6)]
    before = neighbourhoods(tuple(maps), (8, 8), (4, 6))
    for each in maps:
        each[2:] = 99
        each[:, 3:] = 99
    assert np.array_equal(before, neighbourhoods(tuple(maps), (8, 8), (4, 6)))
