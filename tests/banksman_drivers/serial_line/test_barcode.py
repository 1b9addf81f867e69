"""Codes with their check digits, as printed on goods and as scanners send them."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.serial_line.barcode import TEXT_MAX, UNREADABLE, read_code
from banksman_drivers.serial_line.barcode_check import check_digit, check_flaw, expand_upc_e

TODAY = datetime.date(2026, 3, 10)
digits = st.text("0123456789", min_size=1, max_size=20)


def read(text, assume="item"):
    return read_code(text.encode(), TODAY, assume)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("4006381333931", "EAN-13"),  # a highlighter pen
        ("9780201379624", "EAN-13"),  # a book
        ("96385074", "EAN-8"),
        ("036000291452", "UPC-A"),  # a box of tissues
        ("18901234567897", "ITF-14"),
        ("106141411234567897", "SSCC"),
    ],
)
def test_codes_of_goods_are_known_by_their_length_and_check_digit(code, name):
    found = read(code)
    assert (found.symbology, found.text, found.flaw) == (name, code, "")


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        ("04252614", "042100005264"),  # the last digit tells where the noughts were left out
        ("01234565", "012345000065"),
        ("425261", "042100005264"),  # without number system and check digit
        ("0425261", "042100005264"),
        ("127893", "012700000893"),
        ("127894", "012780000094"),
    ],
)
def test_upc_e_stands_for_a_upc_a(short, whole):
    assert expand_upc_e(short)[:-1] == whole[:-1]
    assert check_flaw(expand_upc_e(short)) == ""


def test_upc_e_is_told_by_its_expanded_number():
    found = read("04252614")
    assert (found.symbology, found.text, found.gtin) == ("UPC-E", "04252614", 42100005264)


@given(body=digits)
def test_a_check_digit_fits_its_digits(body):
    assert check_flaw(body + check_digit(body)) == ""


@given(body=digits, data=st.data())
def test_every_single_wrong_digit_is_found(body, data):
    whole = body + check_digit(body)
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != whole[place]]))
    assert check_flaw(whole[:place] + other + whole[place + 1 :])


@pytest.mark.parametrize("code", ["4006381333937", "96385075", "036000291453", "18901234567890"])
def test_a_wrong_check_digit_is_named_and_gives_no_item_number(code):
    found = read(code)
    assert "check digit" in found.flaw
    assert found.gtin is None
    assert found.text == code


def test_the_aim_prefix_tells_the_symbology_and_is_no_part_of_the_text():
    assert read("]E04006381333931").text == "4006381333931"
    assert read("]E496385074").symbology == "EAN-8"
    assert read("]A0PALLET-7").symbology == "Code 39"
    assert read("]C012345").flaw == ""  # plain Code 128: five digits are no item
    assert read("]C04006381333937").flaw == ""


def test_an_ean_with_an_add_on_is_still_the_item():
    found = read("]E3978020137962412345")
    assert (found.gtin, found.text) == (9780201379624, "978020137962412345")


def test_itf_is_checked_where_its_prefix_says_so():
    assert read("]I118901234567897").gtin == 18901234567897
    assert "check digit" in read("]I1123456").flaw
    assert read("]I0123456").flaw == ""


@pytest.mark.parametrize("prefix", ["]C1", "]d2", "]Q3", "]e0", "]J1"])
def test_prefixes_of_gs1_are_read_as_elements(prefix):
    found = read(f"{prefix}010950110153000310AB-123")
    assert (found.text, found.gtin) == ("(01)09501101530003(10)AB-123", 9501101530003)


def test_a_keyboard_wedge_s_tabs_and_line_ends_are_no_part_of_the_code():
    assert read("\t4006381333931\t\r\n").text == "4006381333931"


def test_what_a_code_without_prefix_is_taken_for_can_be_chosen():
    assert read("4006381333937", "text").flaw == ""
    assert read("010950110153000310AB-123", "gs1").gtin == 9501101530003
    assert read("\x1d010950110153000310AB-123", "item").gtin == 9501101530003


def test_plain_text_is_right_as_it_is():
    found = read("PALLET-0815/B")
    assert (found.text, found.flaw, found.gtin) == ("PALLET-0815/B", "", None)


@pytest.mark.parametrize("data", [b"\xff\xfe\x80", b"ab\x00cd", b"\x9c\x01"])
def test_bytes_of_a_wrong_baud_rate_are_not_readable(data):
    assert read_code(data, TODAY).flaw == UNREADABLE


def test_a_flood_is_no_code():
    assert "long" in read_code(b"1" * (TEXT_MAX + 1), TODAY).flaw


@given(data=st.binary(max_size=300), assume=st.sampled_from(["item", "gs1", "text"]))
def test_whatever_comes_is_read_and_its_text_is_bounded_and_printable(data, assume):
    found = read_code(data, TODAY, assume)
    assert found.text.isprintable()
    assert len(found.text) <= 4 * TEXT_MAX
    assert found.gtin is None or not found.flaw


@given(prefix=st.sampled_from("ABCEFGHILMQRSUXZdezJ"), modifier=st.characters(), text=st.text())
def test_whatever_follows_a_prefix_is_read(prefix, modifier, text):
    data = f"]{prefix}{modifier}{text}".encode(errors="ignore")
    assert read_code(data, TODAY).text.isprintable()
