"""The fields of a scale's points from a weight, in the units that the points declare. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from banksman_drivers.serial_line.dialect import BAD, Shown
from banksman_drivers.serial_line.weight import Weight, converted


def weight_fields(weight: Weight, units: Mapping[str, str]) -> dict[str, Shown]:
    """What ``weight`` tells; ``units`` has the unit of each field that a point shows.

    A weight in motion is UNCERTAIN, one out of range BAD. Raises ValueError when the scale uses a
    unit that the point's cannot be made of.
    """
    moving = weight.state == "dynamic"
    fields = {
        "weight": BAD,
        "stable": Shown(weight.state == "stable"),
        "overload": Shown(weight.state == "overload"),
        "underload": Shown(weight.state == "underload"),
        "net": BAD if weight.net is None else Shown(weight.net),
        "tare": BAD,
    }
    if weight.state == "out of range":  # which side the frame does not tell
        fields["overload"] = fields["underload"] = BAD
    values = {"weight": weight.value, "tare": weight.tare}
    for field, value in values.items():
        unit = units.get(field)
        if unit is None or value is None or math.isnan(value):
            continue
        told = converted(value, weight.unit, unit)
        if told is None:
            raise ValueError(f"the scale weighs in {weight.unit!r}, which is no {unit}")
        fields[field] = Shown(told, sure=not moving)
    return fields
