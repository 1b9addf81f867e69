"""The parts that a station shall learn from, one by one, the most unusual good ones first. Pure.

A part that was taken by mistake spoils what "good" means; it is found fastest where the oddest ones
come first. What the newest learning held out tells best (rarity); before it, how far a part's
picture is from the others'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from banksman.vision.commission_view import Kind

# From there on a person is asked: one good part in 100, or far from the others.
ASKED_RARITY = 2.0
ASKED_FAR = 2.0


class PartShown(msgspec.Struct, frozen=True):
    """One part. ``removed``: it is learnt from no more.

    ``rarity`` is its held-out score from the newest learning, None before; ``far`` how far its
    picture is from the others', 1 being usual. ``odd``: is this one really good?
    """

    id: str
    kind: Kind
    label: str
    removed: bool
    rarity: float | None
    far: float | None
    odd: bool


def part_list(
    ids: Sequence[str],
    removed: Sequence[str],
    rarities: Mapping[str, float],
    far: Mapping[str, float],
) -> list[PartShown]:
    """Good parts, the oddest first; then defects; then what was removed."""
    shown = [_shown(each, False, rarities, far) for each in ids]
    shown += [_shown(each, True, rarities, far) for each in removed]
    return sorted(shown, key=_order)


def _shown(
    part: str, removed: bool, rarities: Mapping[str, float], far: Mapping[str, float]
) -> PartShown:
    kind, _, rest = part.partition("-")
    rarity, apart = rarities.get(part), far.get(part)
    odd = (rarity or 0.0) > ASKED_RARITY or (apart or 0.0) > ASKED_FAR
    return PartShown(
        id=part,
        kind="good" if kind == "good" else "defect",
        label=rest.rpartition("-")[0],
        removed=removed,
        rarity=rarity,
        far=apart,
        odd=kind == "good" and odd and not removed,
    )


def _order(part: PartShown) -> tuple[bool, bool, float, float, str]:
    good = part.kind == "good"
    rarity = part.rarity if part.rarity is not None else -math.inf
    far = part.far if part.far is not None else -math.inf
    return (part.removed, not good, -rarity if good else 0.0, -far if good else 0.0, part.id)
