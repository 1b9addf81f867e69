"""Check digits of the retail codes: EAN-8/13, UPC-A/E, ITF-14, SSCC. Pure.

All of them use the same sum (GS1 General Specifications, 7.9.1): from the right, without the
check digit, digits weigh 3, 1, 3, 1 …; the check digit fills the sum up to a ten.

    EAN-13   4 0 0 6 3 8 1 3 3 3 9 3 | 1
    weight   1 3 1 3 1 3 1 3 1 3 1 3
"""

from __future__ import annotations

ITEM_LENGTHS = (8, 12, 13, 14)  # GTIN-8, -12, -13 and -14


def is_digits(text: str) -> bool:
    """Whether ``text`` is one or more of 0 to 9, and not what else Unicode calls a digit."""
    return text.isascii() and text.isdigit()


def check_digit(digits: str) -> str:
    """The check digit that belongs behind ``digits`` (which must be digits only)."""
    weighed = sum(
        int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(digits))
    )
    return str(-weighed % 10)


def check_flaw(digits: str) -> str:
    """Empty when the last digit is the check digit of the others, otherwise what is wrong."""
    expected = check_digit(digits[:-1])
    if digits[-1] == expected:
        return ""
    return f"check digit {digits[-1]} of {digits} should be {expected}"


def expand_upc_e(digits: str) -> str:
    """The UPC-A (12 digits) that a UPC-E of 6, 7 or 8 digits stands for.

    6 are the symbol's own, 7 begin with the number system, 8 end with the check digit. Raises
    ValueError for other lengths and number systems than 0 and 1 (GS1 General Specifications,
    5.2.2.4.2).
    """
    if not is_digits(digits) or not 6 <= len(digits) <= 8:
        raise ValueError(f"{digits!r} is no UPC-E: it has 6 to 8 digits")
    system, body = ("0", digits) if len(digits) == 6 else (digits[0], digits[1:7])
    if system not in "01":
        raise ValueError(f"{digits} is no UPC-E: it begins with 0 or 1")
    last = body[5]
    if last in "012":
        item = f"{body[:2]}{last}0000{body[2:5]}"
    elif last == "3":
        item = f"{body[:3]}00000{body[3:5]}"
    elif last == "4":
        item = f"{body[:4]}00000{body[4]}"
    else:
        item = f"{body[:5]}0000{last}"
    whole = system + item
    return whole + (digits[7] if len(digits) == 8 else check_digit(whole))
