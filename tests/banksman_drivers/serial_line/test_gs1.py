"""GS1 element strings: as an independent reader has them, and beyond what it is given."""

import contextlib
import datetime

import pytest
from biip.gs1_messages import GS1Message
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.serial_line.barcode_check import check_digit
from banksman_drivers.serial_line.gs1 import GS, Gs1Error, encode, parse, written
from banksman_drivers.serial_line.gs1_table import IDENTIFIERS, PREDEFINED, WITH_DECIMALS

TODAY = datetime.date(2026, 3, 10)
GTIN = "09501101530003"

text_values = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcxyz0123456789-/.,_+*", min_size=1, max_size=20)
numbers = st.integers(0, 999_999).map("{:06d}".format)
days = st.dates(datetime.date(2000, 1, 1), datetime.date(2049, 12, 31))
gtins = st.text("0123456789", min_size=13, max_size=13).map(lambda d: d + check_digit(d))
element = st.one_of(
    st.tuples(st.just("01"), gtins),
    st.tuples(st.sampled_from(["10", "21", "400", "8002"]), text_values),
    st.tuples(st.sampled_from(["3100", "3103", "3305", "3922"]), numbers),
    st.tuples(st.sampled_from(["11", "15", "17"]), days.map(lambda day: f"{day:%y%m%d}")),
    st.tuples(st.sampled_from(["30", "37"]), st.integers(1, 99_999_999).map(str)),
)
elements = st.lists(element, min_size=1, max_size=5, unique_by=lambda pair: pair[0])


def test_an_element_string_becomes_its_elements():
    found = parse(f"01{GTIN}17250600310300125010AB-123{GS}21XYZ", TODAY)
    assert [(e.ai, e.text, e.number, e.unit, e.date) for e in found] == [
        ("01", GTIN, 9501101530003, "", None),
        ("17", "250600", None, "d", datetime.date(2025, 6, 30)),
        ("3103", "001250", 1.25, "kg", None),
        ("10", "AB-123", None, "", None),
        ("21", "XYZ", None, "", None),
    ]
    assert written(found) == f"(01){GTIN}(17)250600(3103)001250(10)AB-123(21)XYZ"


@given(pairs=elements)
def test_what_is_encoded_is_read_again(pairs):
    assert [(e.ai, e.text) for e in parse(encode(pairs), TODAY)] == pairs


@given(pairs=elements)
def test_an_independent_reader_finds_the_same_elements(pairs):
    theirs = GS1Message.parse(encode(pairs)).element_strings
    ours = parse(encode(pairs), TODAY)
    assert [(e.ai, e.text) for e in ours] == [(e.ai.ai, e.value) for e in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        if other.decimal is not None:
            assert mine.number == pytest.approx(float(other.decimal))
        if other.date is not None:
            assert mine.date == other.date


@given(pairs=elements)
def test_a_separator_that_is_not_needed_does_no_harm(pairs):
    sent = GS + GS.join(ai + value for ai, value in pairs)
    assert [(e.ai, e.text) for e in parse(sent, TODAY)] == pairs


@given(text=st.text(max_size=60))
def test_whatever_is_sent_is_read_or_refused(text):
    with contextlib.suppress(Gs1Error):
        assert parse(text, TODAY)


@given(pairs=elements, data=st.data())
def test_whatever_is_lost_of_a_string_is_read_or_refused(pairs, data):
    sent = encode(pairs)
    start = data.draw(st.integers(0, len(sent)))
    end = data.draw(st.integers(start, len(sent)))
    with contextlib.suppress(Gs1Error):
        assert parse(sent[:start] + sent[end:], TODAY)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("", "empty"),
        ("01" + GTIN[:-1] + "4", "check digit"),
        ("01" + GTIN[:-2], "GTIN"),
        ("17251301", "no date"),
        ("17250230", "no date"),
        ("3103ABCDEF", "NET_WEIGHT"),
        ("10" + "A" * 21, "separators"),
        ("10AB" + GS + "10CD", "twice"),
        ("05123", "no application identifier"),
        ("310", "no application identifier"),
        ("10" + GS + "21X", "BATCH"),
        ("10A\x07B", "BATCH"),
    ],
)
def test_what_is_wrong_is_named(sent, why):
    with pytest.raises(Gs1Error, match=why):
        parse(sent, TODAY)


@pytest.mark.parametrize(
    ("today", "short", "year"),
    [
        (2026, "260101", 2026),
        (2026, "750101", 2075),
        (2026, "770101", 1977),
        (2076, "250101", 2125),
    ],
)
def test_a_date_lies_within_fifty_years_of_the_scan(today, short, year):
    (found,) = parse(f"17{short}", datetime.date(today, 6, 1))
    assert found.date == datetime.date(year, 1, 1)


def test_the_month_s_last_day_is_told_of_day_nought():
    (found,) = parse("17240200", TODAY)
    assert found.date == datetime.date(2024, 2, 29)


def test_every_identifier_of_predefined_length_has_just_that_length():
    for ai, identifier in IDENTIFIERS.items():
        length = PREDEFINED.get(ai[:2])
        if length is None:
            continue
        whole = len(ai) + (1 if ai in WITH_DECIMALS else 0)
        digits = "1" * (length - whole)
        flawed = parse_flaw(ai + ("0" if ai in WITH_DECIMALS else "") + digits)
        assert "cannot be" not in flawed, identifier


def parse_flaw(sent):
    try:
        parse(sent, TODAY)
    except Gs1Error as error:
        return str(error)
    return ""
