"""The numpy head: right scores, and a clear refusal of whatever is not a head."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_inference.numpy_head import NumpyHead
from banksman_inference.ports import InferenceError, ModelRefused

GOOD = {
    "weights": np.array([1.0, -2.0]),
    "bias": np.array(0.5),
    "mean": np.array([10.0, 20.0]),
    "scale": np.array([2.0, 4.0]),
    "version": np.array("2024-05-01"),
}


@pytest.fixture
def head_file(tmp_path):
    def save(**changes):
        arrays = {k: v for k, v in (GOOD | changes).items() if v is not None}
        file = tmp_path / "head.npz"
        np.savez(file, **arrays)
        return file

    return save


def load(file):
    return NumpyHead("bearing", ("a", "b"), file)


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    file = tmp_path_factory.mktemp("head") / "head.npz"
    np.savez(file, **GOOD)
    return load(file)


def test_it_scores_as_the_formula_says(head_file):
    head = load(head_file())
    logit = 1.0 * (13 - 10) / 2 - 2.0 * (21 - 20) / 4 + 0.5
    score = head.score([13.0, 21.0])
    assert score.value == pytest.approx(1 / (1 + np.exp(-logit)))
    assert score.confidence == pytest.approx(score.value)
    assert head.version == "2024-05-01"
    assert head.capabilities().backend == "numpy_head"


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2))
def test_any_finite_features_give_a_score_within_0_and_1_or_an_error_of_ours(head, features):
    try:
        score = head.score(features)
    except InferenceError:
        assert max(map(abs, features)) > 1e300, "only an overflow may be refused"
    else:
        assert 0.0 <= score.value <= 1.0
        assert 0.5 <= score.confidence <= 1.0


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(ModelRefused, match=r"nowhere\.npz: does not exist"):
        load(tmp_path / "nowhere.npz")


def test_a_file_of_garbage_is_refused(tmp_path):
    file = tmp_path / "garbage.npz"
    file.write_bytes(b"\x93garbage" * 100)
    with pytest.raises(ModelRefused, match="cannot be read"):
        load(file)


def test_a_truncated_file_is_refused(head_file):
    file = head_file()
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(ModelRefused, match="cannot be read"):
        load(file)


def test_a_pickle_inside_is_refused_and_not_run(head_file):
    file = head_file(weights=np.array([{"a": 1}, None], dtype=object))
    with pytest.raises(ModelRefused, match="cannot be read"):
        load(file)


def test_an_archive_bomb_is_refused_before_it_unpacks(tmp_path):
    file = tmp_path / "bomb.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights.npy", bytes(40_000_000))
    with pytest.raises(ModelRefused, match="unpacks to over"):
        load(file)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_array_is_named(head_file, name):
    with pytest.raises(ModelRefused, match=f"has no {name}"):
        load(head_file(**{name: None}))


@pytest.mark.parametrize("name", ["weights", "mean", "scale"])
def test_a_vector_of_the_wrong_length_is_refused_with_both_lengths(head_file, name):
    with pytest.raises(ModelRefused, match=rf"{name} has shape \(3,\), not \(2,\)"):
        load(head_file(**{name: np.ones(3)}))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["weights", "mean", "scale"])
def test_a_number_that_is_not_finite_is_refused(head_file, name, value):
    with pytest.raises(ModelRefused, match=f"{name} is not finite"):
        load(head_file(**{name: np.array([1.0, value])}))


def test_a_scale_of_zero_is_refused(head_file):
    with pytest.raises(ModelRefused, match="scale must be over 0"):
        load(head_file(scale=np.array([1.0, 0.0])))


def test_a_version_that_would_upset_a_terminal_is_refused(head_file):
    with pytest.raises(ModelRefused, match="version is empty or odd"):
        load(head_file(version=np.array("1\x1b[31m")))


def test_nan_features_raise_and_name_the_model(head_file):
    with pytest.raises(InferenceError, match="bearing"):
        load(head_file()).score([np.nan, 1.0])
