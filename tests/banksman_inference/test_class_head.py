import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman_inference.arrays import read_arrays, write_arrays
from banksman_inference.class_head import ClassHead, doubt, embedding
from banksman_inference.head_fit import fit_head, steps
from banksman_inference.ports import ModelRefused


@pytest.fixture(scope="module")
def examples():
    random = np.random.default_rng(0)
    labels = ["good"] * 40 + ["hole"] * 15 + ["crack"] * 5
    centres = {"good": 0.0, "hole": 2.0, "crack": -2.0}
    vectors = np.stack([random.normal(centres[each], 1, 12) for each in labels])
    return vectors.astype(np.float32), labels


@pytest.fixture(scope="module")
def head(examples):
    return fit_head(*examples, "good")[0]


def test_held_out_examples_of_rare_classes_are_told_apart(examples):
    vectors, labels = examples
    head, chances = fit_head(vectors, labels, "good")
    assert head.labels == ("good", "crack", "hole")
    told = np.array(head.labels)[chances.argmax(axis=1)]
    for each in head.labels:
        assert (told[np.array(labels) == each] == each).mean() >= 0.8


def test_the_same_examples_give_the_same_head(examples):
    one, other = fit_head(*examples, "good")[0], fit_head(*examples, "good")[0]
    assert one.to_bytes() == other.to_bytes()


def test_a_head_from_a_bundle_says_the_same(examples, head):
    again = ClassHead.from_bytes(head.to_bytes())
    assert np.array_equal(again.chances(examples[0]), head.chances(examples[0]))
    assert again.labels == head.labels


def test_a_doubtful_part_is_rarer_than_a_good_one(examples, head):
    chances = head.chances(examples[0])
    good = np.array(examples[1]) == "good"
    assert doubt(chances)[~good].min() > np.median(doubt(chances)[good])
    assert head.rarity(chances[-1]) > head.rarity(chances[0])


def test_weights_go_round_as_one_flat_vector(examples, head):
    flat = head.flat()
    same = head.with_flat(flat)
    assert np.array_equal(same.chances(examples[0]), head.chances(examples[0]))
    other = head.with_flat(np.zeros_like(flat))
    assert np.allclose(other.chances(examples[0]), 1 / 3)


@pytest.mark.parametrize("flat", [np.zeros(3), np.full(39, np.nan)])
def test_weights_of_another_length_or_not_finite_are_refused(head, flat):
    with pytest.raises(ValueError, match="weights"):
        head.with_flat(flat.astype(np.float32))


def test_near_duplicates_are_held_out_together():
    random = np.random.default_rng(3)
    vectors = np.repeat(random.normal(size=(40, 300)), 2, axis=0).astype(np.float32)
    labels = ["good", "good", "hole", "hole"] * 20
    alone = fit_head(vectors, labels, "good")[1]
    together = fit_head(vectors, labels, "good", groups=np.repeat(np.arange(40), 2))[1]
    truth = np.array([each == "hole" for each in labels])
    assert ((alone[:, 1] > 0.5) == truth).mean() > 0.8  # its twin gave it away
    assert ((together[:, 1] > 0.5) == truth).mean() < 0.7  # noise cannot be learnt


def test_what_is_told_of_a_part_does_not_know_how_well_it_would_be_told():
    """Of many choices the one that tells noise best is told to be better than it is: not here."""
    random = np.random.default_rng(1)
    labels = ["good", "hole"] * 25
    truth = np.array([each == "hole" for each in labels])
    shares = []
    for _ in range(12):
        views = [random.normal(size=(50, 30)).astype(np.float32) for _ in range(2)]
        chances = fit_head(views[0], labels, "good", mirrored=views[1:])[1]
        shares.append(((chances[:, 1] > 0.5) == truth).mean())
        # Nothing is sure of noise, which a temperature of the told parts themselves would allow.
        assert np.log(np.maximum(chances[:, 1][truth], 1e-9)).mean() < -0.6
    assert 0.4 < np.mean(shares) < 0.56


def test_it_says_how_far_the_training_is(examples):
    told = []
    fit_head(*examples, "good", step=lambda: told.append(1))
    assert len(told) == steps(mirrored=False)
    fit_head(*examples, "good", mirrored=[examples[0]], step=lambda: told.append(1))
    assert len(told) == steps(mirrored=False) + steps(mirrored=True)


def test_a_class_of_one_example_is_refused(examples):
    vectors, labels = examples
    with pytest.raises(ValueError, match="dent has too few"):
        fit_head(vectors, [*labels[:-1], "dent"], "good")


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_broken_head_is_refused_and_nothing_else_happens(head, data):
    content = bytearray(head.to_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(ModelRefused):
        ClassHead.from_bytes(bytes(content))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scale", np.zeros(12, np.float32)),
        ("bias", np.full(3, np.nan, np.float32)),
        ("mean", np.zeros(5, np.float32)),
        ("temperature", np.zeros(1, np.float32)),
        ("good", np.zeros(3, np.float32)),
        ("weights", np.zeros(12, np.float32)),
    ],
)
def test_a_head_with_an_impossible_array_is_refused(head, name, value):
    arrays = dict(read_arrays(head.to_bytes(), 16_000_000))
    arrays[name] = value
    with pytest.raises(ModelRefused, match="commission again"):
        ClassHead.from_bytes(write_arrays(arrays))


def test_a_head_of_a_shorter_embedding_looks_at_the_beginning(examples, head):
    longer = np.concatenate([examples[0], np.full((len(examples[0]), 5), 9, np.float32)], axis=1)
    assert np.array_equal(head.chances(longer), head.chances(examples[0]))


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_an_embedding_has_one_length_whatever_the_picture_covers(rows, columns, seed):
    random = np.random.default_rng(seed)
    maps = tuple(random.normal(size=(rows, columns, 4)).astype(np.float32) for _ in range(6))
    found = embedding(maps)
    assert found.shape == (4 * (1 + 4 * 8),)
    assert np.isfinite(found).all()
    parts = found[4:36].reshape(4, 2, 4), found[36:].reshape(4, 6, 4)
    lowest, mean, high, low, higher, lower = parts[1].transpose(1, 0, 2)
    rising = np.stack([lowest, low, lower, mean, higher, high, parts[0][:, 0]])
    assert (np.diff(rising, axis=0) >= -1e-5).all()
