"""The application identifiers of GS1: what each element is, how long, and in which unit.

Values only. Source: GS1 General Specifications, figures 3.2-1 (identifiers, formats) and 7.8.5-2
(those whose length is predefined, so that no separator follows them).

    format   N18 eighteen digits   X20 up to twenty characters   N8+ up to eight digits
             D a date YYMMDD       N3X30 three digits, then up to thirty characters
"""

from __future__ import annotations

import re

import msgspec


class Identifier(msgspec.Struct, frozen=True):
    """One application identifier.

    ``pattern`` matches the whole value. ``check``: so many of its first digits end with a check
    digit. A date is told in days, ``d``.
    """

    ai: str
    title: str
    pattern: str
    unit: str = ""
    number: bool = False
    date: bool = False
    check: int = 0


# Values that begin with these have a fixed length in all, identifier included.
PREDEFINED = {
    "00": 20, "01": 16, "02": 16, "03": 16, "04": 18,
    **dict.fromkeys(("11", "12", "13", "14", "15", "16", "17", "18", "19"), 8),
    "20": 4, **dict.fromkeys(("31", "32", "33", "34", "35", "36"), 10), "41": 16,
}  # fmt: skip

# Trade measures: metric, then the same once more as logistic measures, then customary ones.
_METRIC = ("kg", "m", "m", "m", "m2", "l", "m3")
_NAMES = ("weight", "length", "width", "height", "area", "volume", "volume")
_CUSTOMARY = {
    "320": "lb", "321": "in", "322": "ft", "323": "yd", "324": "in", "325": "ft", "326": "yd",
    "327": "in", "328": "ft", "329": "yd", "337": "kg/m2", "340": "lb", "341": "in", "342": "ft",
    "343": "yd", "344": "in", "345": "ft", "346": "yd", "347": "in", "348": "ft", "349": "yd",
    "350": "in2", "351": "ft2", "352": "yd2", "353": "in2", "354": "ft2", "355": "yd2",
    "356": "ozt", "357": "oz", "360": "qt", "361": "gal", "362": "qt", "363": "gal",
    "364": "in3", "365": "ft3", "366": "yd3", "367": "in3", "368": "ft3", "369": "yd3",
}  # fmt: skip

# ai, format, title
_ROWS = """
00 N18 SSCC | 01 N14 GTIN | 02 N14 CONTENT | 10 X20 BATCH | 11 D PROD_DATE | 12 D DUE_DATE
13 D PACK_DATE | 15 D BEST_BEFORE | 16 D SELL_BY | 17 D EXPIRY | 20 N2 VARIANT | 21 X20 SERIAL
22 X20 CPV | 235 X28 TPX | 240 X30 ADDITIONAL_ID | 241 X30 CUST_PART | 242 N6+ MTO_VARIANT
243 X20 PCN | 250 X30 SECONDARY_SERIAL | 251 X30 REF_TO_SOURCE | 253 N13X17 GDTI
254 X20 GLN_EXTENSION | 255 N13N12+ GCN | 30 N8+ VAR_COUNT | 37 N8+ COUNT
400 X30 ORDER_NUMBER | 401 X30 GINC | 402 N17 GSIN | 403 X30 ROUTE
410 N13 SHIP_TO | 411 N13 BILL_TO | 412 N13 PURCHASE_FROM | 413 N13 SHIP_FOR | 414 N13 LOC_NO
415 N13 PAY_TO | 416 N13 PROD_SERV_LOC | 417 N13 PARTY
420 X20 SHIP_TO_POST | 421 N3X9 SHIP_TO_POST | 422 N3 ORIGIN | 423 N3N12+ COUNTRY_INITIAL
424 N3 COUNTRY_PROCESS | 425 N3N12+ COUNTRY_DISASSEMBLY | 426 N3 COUNTRY_FULL | 427 X3 ORIGIN_SUB
4300 X35 SHIP_TO_COMP | 4301 X35 SHIP_TO_NAME | 4302 X70 SHIP_TO_ADD1 | 4303 X70 SHIP_TO_ADD2
4304 X70 SHIP_TO_SUB | 4305 X70 SHIP_TO_LOC | 4306 X70 SHIP_TO_REG | 4307 X2 SHIP_TO_COUNTRY
4308 X30 SHIP_TO_PHONE | 4320 X35 SRV_DESCRIPTION | 4321 N1 DANGEROUS_GOODS | 4322 N1 AUTH_LEAVE
4323 N1 SIG_REQUIRED | 4324 N10 NBEF_DEL_DT | 4325 N10 NAFT_DEL_DT | 4326 N6 REL_DATE
7001 N13 NSN | 7002 X30 MEAT_CUT | 7003 N10 EXPIRY_TIME | 7004 N4+ ACTIVE_POTENCY
7005 X12 CATCH_AREA | 7006 N6 FIRST_FREEZE_DATE | 7007 N6N6+ HARVEST_DATE | 7008 X3 AQUATIC_SPECIES
7009 X10 FISHING_GEAR | 7010 X2 PROD_METHOD | 7011 N6N4+ TEST_BY_DATE | 7020 X20 REFURB_LOT
7021 X20 FUNC_STAT | 7022 X20 REV_STAT | 7023 X30 GIAI_ASSEMBLY | 7040 N1X3 UIC_EXT
710 X20 NHRN_PZN | 711 X20 NHRN_CIP | 712 X20 NHRN_CN | 713 X20 NHRN_DRN | 714 X20 NHRN_AIM
715 X20 NHRN_NDC | 716 X20 NHRN_AIC | 7240 X20 PROTOCOL | 7241 N2 AIDC_MEDIA | 7242 X25 VCN
8001 N14 DIMENSIONS | 8002 X20 CMT_NO | 8003 N14X16 GRAI | 8004 X30 GIAI | 8005 N6 PRICE_PER_UNIT
8006 N18 ITIP | 8007 X34 IBAN | 8008 N8N4+ PROD_TIME | 8009 X50 OPTSEN | 8010 X30 CPID
8011 N12+ CPID_SERIAL | 8012 X20 VERSION | 8013 X25 GMN | 8017 N18 GSRN_PROVIDER
8018 N18 GSRN_RECIPIENT | 8019 N10+ SRIN | 8020 X25 REF_NO | 8026 N18 ITIP_CONTENT
8030 X90 DIGSIG | 8110 X70 COUPON | 8111 N4 POINTS | 8112 X70 PAPERLESS_COUPON
8200 X70 PRODUCT_URL | 90 X30 INTERNAL
"""
_CHECKED = {
    "00": 18, "01": 14, "02": 14, "253": 13, "255": 13, "402": 17, "8003": 14, "8006": 14,
    "8017": 18, "8018": 18, "8026": 14,
    **dict.fromkeys(("410", "411", "412", "413", "414", "415", "416", "417"), 13),
}  # fmt: skip

# The characters of GS1's set 82 (General Specifications, figure 7.11-1).
CHARACTERS = r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]"
_PART = re.compile(r"([NXD])(\d*)(\+?)")


def _shape(written: str) -> tuple[str, int]:
    """The pattern and the longest length of a format."""
    pattern, longest = "", 0
    for place, (kind, length, up_to) in enumerate(_PART.findall(written)):
        count = 6 if kind == "D" else int(length)
        longest += count
        least = 0 if place else 1
        if kind == "X":
            pattern += f"{CHARACTERS}{{{least},{count}}}"
        else:
            pattern += rf"[0-9]{{{least},{count}}}" if up_to else rf"[0-9]{{{count}}}"
    return pattern, longest


def _identifier(ai: str, written: str, title: str, unit: str = "") -> Identifier:
    pattern, longest = _shape(written)
    number = bool(re.fullmatch(r"N\d+\+?", written)) and longest <= 15
    date = written == "D"
    return Identifier(ai, title, pattern, "d" if date else unit, number, date, _CHECKED.get(ai, 0))


def _table() -> dict[str, Identifier]:
    rows = [row.split() for line in _ROWS.strip().splitlines() for row in line.split("|")]
    found = [_identifier(*row) for row in rows]
    for base, kind in (("31", "NET"), ("33", "LOG")):
        for place, (unit, name) in enumerate(zip(_METRIC, _NAMES, strict=True)):
            found.append(_identifier(f"{base}{place}", "N6", f"{kind}_{name.upper()}", unit))
    found += [_identifier(ai, "N6", "MEASURE", unit) for ai, unit in _CUSTOMARY.items()]
    found += [_identifier("390", "N15+", "AMOUNT"), _identifier("392", "N15+", "PRICE")]
    found += [_identifier("391", "N3N15+", "AMOUNT_ISO"), _identifier("393", "N3N15+", "PRICE_ISO")]
    found += [_identifier("394", "N4", "PERCENT_OFF", "%"), _identifier("395", "N6", "PRICE_UNIT")]
    found += [_identifier(f"703{place}", "N3X27", "PROCESSOR") for place in range(10)]
    found += [_identifier(f"723{place}", "X30", "CERTIFICATION") for place in range(10)]
    found += [_identifier(str(place), "X90", "INTERNAL") for place in range(91, 100)]
    return {identifier.ai: identifier for identifier in found}


IDENTIFIERS = _table()
# Of these the next digit tells the decimals: 3103 is a weight in kg with three of them.
WITH_DECIMALS = frozenset(
    ai for ai in IDENTIFIERS if len(ai) == 3 and ai[0] == "3" and ai not in ("30", "37")
)
