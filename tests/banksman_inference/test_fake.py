"""The fake model does what it is told."""

from __future__ import annotations

import math

import pytest

from banksman_inference.fake import FakeModel
from banksman_inference.ports import InferenceError, Score


def test_it_scores_the_first_feature_until_told_otherwise():
    model = FakeModel("m", ("a", "b"))
    assert model.score([0.3, 9.0]).value == 0.3
    assert model.score([7.0, 9.0]).value == 1.0
    model.give = lambda features: Score(0.1, 0.2, "told")
    assert model.score([0.3, 9.0]) == Score(0.1, 0.2, "told")
    assert model.asked == 3


def test_it_raises_when_told():
    model = FakeModel("m", ("a",))
    model.fail = InferenceError("the accelerator fell off")
    with pytest.raises(InferenceError, match="fell off"):
        model.score([0.0])


def test_it_answers_nan_when_told():
    model = FakeModel("m", ("a",))
    model.score_nan()
    assert math.isnan(model.score([0.0]).value)
