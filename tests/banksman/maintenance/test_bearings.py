"""Bearing kinematics against published orders."""

import numpy as np
import pytest

from banksman.maintenance.bearings import (
    TABLE,
    FaultOrders,
    Geometry,
    bearing_orders,
    geometry_of,
    orders_of,
    origin_of,
)

# As the data centre publishes them for its drive end and fan end bearings.
PUBLISHED = {
    "6205": FaultOrders(bpfi=5.4152, bpfo=3.5848, bsf=4.7135 / 2, ftf=0.39828),
    "6203": FaultOrders(bpfi=4.9469, bpfo=3.0530, bsf=3.9874 / 2, ftf=0.3817),
}
# As Curtin University (Forbes, 2012) publishes them with its recordings of the same bearing.
PUBLISHED_ER16K = FaultOrders(bpfi=5.428, bpfo=3.572, bsf=2.32, ftf=0.3969)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_orders_are_those_that_are_published(name):
    found, published = bearing_orders(name), PUBLISHED[name]
    assert found.bpfi == pytest.approx(published.bpfi, rel=2e-4)
    assert found.bpfo == pytest.approx(published.bpfo, rel=2e-4)
    assert found.bsf == pytest.approx(published.bsf, rel=2e-4)
    assert found.ftf == pytest.approx(published.ftf, rel=2e-4)


def test_the_simulators_bearing_has_the_orders_that_another_laboratory_publishes():
    found = bearing_orders("MB ER16K")
    for order in ("bpfi", "bpfo", "bsf", "ftf"):
        published = getattr(PUBLISHED_ER16K, order)
        assert getattr(found, order) == pytest.approx(published, rel=2e-3)


@pytest.mark.parametrize("name", TABLE)
def test_every_bearing_of_the_table_rolls(name):
    orders = bearing_orders(name)
    balls = TABLE[name].balls
    assert orders.bpfi + orders.bpfo == pytest.approx(balls)
    assert orders.bpfo == pytest.approx(balls * orders.ftf)
    assert orders.bpfi == pytest.approx(balls * (1 - orders.ftf))
    assert 0.3 < orders.ftf < 0.5


def test_a_spherical_roller_bearing_has_the_frequencies_its_maker_gives():
    at_1500 = bearing_orders("SKF 22228 CC/W33")
    assert at_1500.bpfo * 25 == pytest.approx(205.3, rel=3e-4)
    assert at_1500.bpfi * 25 == pytest.approx(269.7, rel=3e-4)
    assert at_1500.bsf * 25 == pytest.approx(89.1, rel=1e-3)
    assert at_1500.ftf * 25 == pytest.approx(10.8, rel=1e-3)


# Basic dynamic load ratings in kN (ISO 281: 1.3 fc Z^(2/3) D^1.8) as a maker prints them; fc by the
# ratio of ball to pitch circle. They hold ball and number to each other, not the pitch circle.
RATED = {"6304": 16.8, "6305": 23.4, "6306": 29.6, "6307": 35.1, "6308": 42.3}
FC = ((0.16, 59.6), (0.18, 59.9), (0.20, 59.9), (0.22, 59.6), (0.24, 59.0), (0.26, 58.2))


@pytest.mark.parametrize("name", RATED)
def test_a_row_that_nobody_verified_says_so_and_agrees_with_its_load_rating(name):
    geometry = TABLE[name]
    assert not geometry.verified
    assert "NOT VERIFIED" in origin_of(f"SKF {name}")
    ratios, factors = zip(*FC, strict=True)
    fc = np.interp(geometry.ball / geometry.pitch, ratios, factors)
    rating = 1.3 * fc * geometry.balls ** (2 / 3) * geometry.ball**1.8 / 1e3
    assert rating == pytest.approx(RATED[name], rel=0.07)


@pytest.mark.parametrize("name", TABLE)
def test_every_row_tells_its_source(name):
    assert TABLE[name].source
    assert TABLE[name].source in origin_of(name)


def test_dimensions_are_their_own_source():
    assert origin_of("9,7.94,39.04") == "dimensions as given"


@pytest.mark.parametrize("name", ["SKF 6205-2RS", "6205ZZ", "6205/C3", "6205 2Z", "fag-6205"])
def test_prefixes_and_suffixes_do_not_hide_a_designation(name):
    assert geometry_of(name) == TABLE["6205"]


@pytest.mark.parametrize("name", ["16205", "62052", "620", "", "x6205y7", "bearing"])
def test_a_designation_inside_another_word_is_not_taken(name):
    assert geometry_of(name) is None


def test_dimensions_need_no_table():
    assert bearing_orders("9,7.94,39.04") == orders_of(Geometry(9, 7.94, 39.04))
    assert bearing_orders("16,8.4,71.5,15.17") == orders_of(Geometry(16, 8.4, 71.5, 15.17))


@pytest.mark.parametrize(
    "text",
    [
        "9,7.94",
        "9,7.94,39,1,2",
        "9.5,7.94,39",
        "a,b,c",
        "9,40,39",
        "2,7,39",
        "9,7,39,90",
        "7316-XY",
    ],
)
def test_what_is_no_bearing_is_refused_with_the_form_that_is_wanted(text):
    with pytest.raises(ValueError, match=r"balls,ball diameter,pitch|at least 3|0 to 90"):
        bearing_orders(text)
