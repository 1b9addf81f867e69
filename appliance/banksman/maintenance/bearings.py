"""What a bearing's shape says of its fault frequencies, in orders (multiples of the shaft's speed).

Rules of this file
- Pure kinematics: pure rolling, inner ring turning, outer ring standing. A loaded bearing slips by
  one or two per cent; who looks for lines allows for that.
- The table holds internal dimensions as published with well-known test rigs or by makers, each with
  its source. A row that was not held against such a source says so (``verified``) wherever it is
  told. Makers differ by a ball or a tenth of a millimetre: the plate of the bearing counts, and
  ``geometry`` takes any.

    BPFO = n/2 (1 - r)      a ball passes a point of the outer race       r = d/D cos(angle)
    BPFI = n/2 (1 + r)      ... of the inner race                         n balls of diameter d
    BSF  = D/2d (1 - r^2)   a ball turns; its spot meets a race twice     D pitch diameter
    FTF  = 1/2 (1 - r)      the cage turns

Source: T. A. Harris and M. N. Kotzalas, Rolling Bearing Analysis, 5th ed., ch. 10; the use in
envelope spectra: R. B. Randall and J. Antoni, Rolling element bearing diagnostics - a tutorial,
MSSP 25 (2011) 485-520.
"""

from __future__ import annotations

import math

import msgspec


class Geometry(msgspec.Struct, frozen=True):
    """A bearing's inside: ``balls`` in one row, diameters in one unit, contact angle in degrees.

    ``verified``: held against the ``source`` that is named; else from common design, to be checked.
    """

    balls: int
    ball: float
    pitch: float
    angle_deg: float = 0.0
    source: str = ""
    verified: bool = True


class FaultOrders(msgspec.Struct, frozen=True):
    """Fault frequencies in multiples of the shaft's speed.

    ``bsf`` is the ball's spin; a damaged spot strikes twice in each turn, at 2 x bsf.
    """

    bpfi: float
    bpfo: float
    bsf: float
    ftf: float


CWRU = "Case Western Reserve University Bearing Data Center, bearing information"
HUST = "Thuan and Hong, HUST bearing, BMC Research Notes 16 (2023) 138; makers' catalogues"
COMMON = "the common design; agrees with load ratings after ISO 281, not with a maker's sheet"

TABLE: dict[str, Geometry] = {
    "6203": Geometry(8, 0.2656, 1.122, source=f"{CWRU} (inch)"),
    "6204": Geometry(8, 7.938, 33.5, source=HUST),
    "6205": Geometry(9, 0.3126, 1.537, source=f"{CWRU} (inch)"),
    "6206": Geometry(9, 9.525, 46.0, source=HUST),
    "6207": Geometry(9, 11.112, 53.5, source=HUST),
    "6208": Geometry(9, 11.906, 60.0, source=HUST),
    "6304": Geometry(7, 9.525, 36.0, source=COMMON, verified=False),
    "6305": Geometry(7, 11.509, 44.6, source=COMMON, verified=False),
    "6306": Geometry(8, 12.303, 52.0, source=COMMON, verified=False),
    "6307": Geometry(8, 13.494, 58.5, source=COMMON, verified=False),
    "6308": Geometry(8, 15.081, 65.0, source=COMMON, verified=False),
    "6804": Geometry(13, 3.5, 25.6, source="FEMTO-ST, PRONOSTIA platform, IEEE PHM 2012 challenge"),
    # Relative dimensions, solved from the maker's four frequencies at 1500 r/min.
    "22228": Geometry(
        19, 1.0, 7.2615, 10.09, source="SKF 22228, vibroguard.cz, BPFO and BSF pages"
    ),
    "ER10K": Geometry(
        8, 0.3125, 1.319, source="MB ER-10K, NPTEL 112103024, example 15.2, table 15.1 (inch)"
    ),
    "ER16K": Geometry(
        9,
        7.94,
        38.52,
        source="SpectraQuest, machinery fault simulator; orders as Forbes, Curtin 2012",
    ),
    "UER204": Geometry(
        8, 7.92, 34.55, source="Wang et al., XJTU-SY, IEEE Trans. Reliab. 69 (2020)"
    ),
    "ZA-2115": Geometry(
        16, 0.331, 2.815, 15.17, source="Qiu et al., J. Sound Vib. 289 (2006) 1066-1090 (inch)"
    ),
    "NICE": Geometry(8, 0.235, 1.245, source="Society for Machinery Failure Prevention Technology"),
}
# Suffixes say seal, cage and clearance; what rolls inside stays.
SUFFIX_MARKS = "-/ "


def geometry_of(name: str) -> Geometry | None:
    """The table's entry of a designation: prefix of the maker and suffixes are ignored.

    >>> geometry_of("SKF 6205-2RS").balls
    9
    """
    text = name.upper()
    found = [key for key in TABLE if _names(key, text)]
    return TABLE[max(found, key=len)] if found else None


def origin_of(text: str) -> str:
    """Where the orders of a designation or of dimensions come from, for people; names a doubt.

    Call it only with what `bearing_orders` takes.
    """
    geometry = None if "," in text else geometry_of(text)
    if geometry is None:
        return "dimensions as given"
    inside = f"{geometry.balls} rolling elements, {geometry.ball:g} on {geometry.pitch:g}"
    doubt = "" if geometry.verified else "; NOT VERIFIED: hold it against the maker's sheet"
    return f"{inside}, from {geometry.source}{doubt}"


def orders_of(geometry: Geometry) -> FaultOrders:
    """The four fault orders. Raises ValueError saying which dimension cannot be."""
    if geometry.balls < 3:
        raise ValueError(f"a bearing with {geometry.balls} balls: give at least 3")
    if not 0 < geometry.ball < geometry.pitch:
        raise ValueError(
            f"a ball of {geometry.ball:g} on a pitch circle of {geometry.pitch:g}: give"
            " balls,ball diameter,pitch diameter[,contact angle]"
        )
    if not 0 <= geometry.angle_deg < 90:
        raise ValueError(f"a contact angle of {geometry.angle_deg:g} degrees: give 0 to 90")
    ratio = geometry.ball / geometry.pitch * math.cos(math.radians(geometry.angle_deg))
    return FaultOrders(
        bpfi=geometry.balls / 2 * (1 + ratio),
        bpfo=geometry.balls / 2 * (1 - ratio),
        bsf=geometry.pitch / (2 * geometry.ball) * (1 - ratio * ratio),
        ftf=(1 - ratio) / 2,
    )


def bearing_orders(text: str) -> FaultOrders:
    """The orders of a designation ("6205-2RS") or of dimensions ("9,7.94,39.04" or with an angle).

    Raises ValueError naming what is known.
    """
    if "," in text:
        try:
            numbers = [float(part) for part in text.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) not in (3, 4) or numbers[0] != int(numbers[0]):
            raise ValueError(
                f"{text} are no dimensions: give balls,ball diameter,pitch diameter[,contact angle]"
            )
        balls, ball, pitch, angle_deg = *numbers, *([0.0] * (4 - len(numbers)))
        return orders_of(Geometry(int(balls), ball, pitch, angle_deg))
    geometry = geometry_of(text)
    if geometry is None:
        raise ValueError(
            f"the bearing {text} is not in the table ({', '.join(TABLE)}): give its"
            " balls,ball diameter,pitch diameter[,contact angle]"
        )
    return orders_of(geometry)


def _names(key: str, text: str) -> bool:
    """Whether it holds the key as a word: 6205 is in "SKF 6205-2RS", not in "16205"."""
    at = text.find(key)
    if at < 0 or (at > 0 and text[at - 1].isalnum()):
        return False
    rest = text[at + len(key) :]
    return not rest or rest[0] in SUFFIX_MARKS or rest[0].isalpha()
