import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.vision.answers import AnswerCounts
from banksman.vision.exhibit import Exhibit
from banksman.vision.rates import estimate, rates_of, share
from banksman.wire.messages import Priority


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    # R: binom.test(count, of)$conf.int
    [(0, 100, 0.0, 0.03621669), (1, 100, 0.0002531460, 0.05445939), (5, 10, 0.1870860, 0.8129140)],
)
def test_the_interval_is_the_exact_one(count, of, low, high):
    found = share(count, of)
    assert found.low == pytest.approx(low, abs=1e-6)
    assert found.high == pytest.approx(high, abs=1e-6)


def test_of_nothing_nothing_is_known():
    assert share(0, 0) == share(0, 0).__class__(0, 0, 0.0, 1.0)


def test_more_hits_than_tries_cannot_be():
    with pytest.raises(ValueError, match="no share"):
        share(2, 1)


@given(st.integers(1, 60), st.data())
def test_the_interval_holds_the_share_and_narrows(of, data):
    count = data.draw(st.integers(0, of))
    found, wider = share(count, of), share(count * 4, of * 4)
    assert found.low <= count / of <= found.high
    assert wider.high - wider.low <= found.high - found.low + 1e-9


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    # R: prop.test(count, of, correct = FALSE)$conf.int
    [(0, 100, 0.0, 0.03699480), (1, 100, 0.001767, 0.054487), (5, 10, 0.236593, 0.763407)],
)
def test_what_people_saw_has_wilsons_interval(count, of, low, high):
    found = estimate(count, of)
    assert found.low == pytest.approx(low, abs=1e-5)
    assert found.high == pytest.approx(high, abs=1e-5)


@given(st.integers(0, 300), st.data())
def test_wilsons_interval_holds_the_share(of, data):
    count = data.draw(st.integers(0, of))
    found = estimate(count, of)
    assert 0.0 <= found.low <= (count / of if of else 0.5) <= found.high <= 1.0


def exhibit(severity, answer, review=False, drawn=False, bundle="b"):
    return Exhibit(
        id="x", picture_id="p", station="caps", wall_ns=0, priority=Priority.NORMAL, point="q",
        action="none", reason="", confidence=0.5, review=review, severity=severity, bundle=bundle,
        width=1, height=1, answer=answer, drawn=drawn,
    )  # fmt: skip


def told(rates):
    return [
        (each.count, each.of)
        for each in (rates.false_stops, rates.false_doubts, rates.escapes, rates.unsure_escapes)
    ]


def test_answers_are_counted_by_what_was_done():
    rates = rates_of(
        "caps",
        "b",
        [
            exhibit("critical", "good"), exhibit("critical", "defect"), exhibit("warning", "good"),
            exhibit("pass", "defect"), exhibit("pass", "good"), exhibit("pass", "good"),
            exhibit("pass", "defect", drawn=True), exhibit("pass", "good", drawn=True),
            exhibit("pass", "", drawn=True), exhibit("pass", "", review=True),
            exhibit("unknown", "good"), exhibit("warning", ""),
        ],
    )  # fmt: skip
    assert told(rates) == [(1, 2), (1, 1), (1, 2), (1, 3)]
    assert msgspec.json.encode(rates)


def test_rates_are_of_the_bundle_in_use():
    answers = [exhibit("critical", "good"), exhibit("critical", "good", bundle="before")]
    assert told(rates_of("caps", "b", answers))[0] == (1, 1)


def test_answers_whose_pictures_gave_way_go_on_to_count():
    gone = AnswerCounts(drawn=300, drawn_wrong=2)
    rates = rates_of("caps", "b", [exhibit("pass", "good", drawn=True)], gone)
    assert told(rates)[2] == (2, 301)
    assert gone.drawn == 300
