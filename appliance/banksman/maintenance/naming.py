"""Which part of a bearing is damaged, said only where the physics allow it.

Rules of this file
- Pure: samples, speed and fault orders in; a `Finding` and the spectrum it rests on out.
- Nothing here is learned from records. Constants are odds (20 to 1, 100 to 1) and physics.
- A race is named when its comb leads clearly AND speaks as a struck race does: a strike is a click,
  and a click is heard in all bands (two thirds of them) or, where a resonance swallows the rest,
  deeply in one: a fifth of the variance that noise gives an envelope. Two of its own first three
  lines must be seen: sidebands alone are another part's. A tenth of that variance is the least.
- A weak comb of a race is not enough for a name: a damaged ball strikes both races and shows their
  combs faintly, coming and going. A ball is named, after the lines of shaft and races are taken
  out, by
    - twice its spin, in the whole window or in its loudest half (its spot leaves the track);
    - cage lines that balls alike do not have, over what far sidebands of the races may carry, and
      the combs of both races, each too faint to be a struck race; these two together, at odds of
      20 to 1 where a comb has decided that the bearing is damaged.
- The cage is the slowest of all: its harmonics lie on everybody's lines, and a damaged ball swells
  and fades with it. Where the row of its own first lines is deeper than any other comb and no
  ball's spin explains more, it is the cage's.
- What is left is "bearing, element unknown"; the reason then says where it points.

    evidence.py weighs      combs.py says which lines      envelope.py makes the spectra
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance import combs
from banksman.maintenance.bearings import FaultOrders
from banksman.maintenance.cases import CLEAR, Case, Diagnosis, Taken, Window
from banksman.maintenance.envelope import Envelopes, envelopes
from banksman.maintenance.findings import Finding

DECISIVE = math.log(100)  # decisive odds: that anything is wrong (Jeffreys' scale, as CLEAR is)
HEARD_MIN = 2 / 3
DEPTH_MIN = 0.2
# Whoever listens long enough finds every bearing's combs: under a tenth they are no damage.
DEPTH_LEAST = 0.1
RACE_LINES_MIN = 2  # of its own three: sidebands without them are another part's
CAGE_LINES_MIN = 3  # of its first four: a ball's load swells once a turn of the cage, and twice
# How many sidebands of a race are its own when what it does not explain is asked for a ball's spin
# (which nothing else should look like) and for cage lines (which lie among them).
SIDES_STRICT, SIDES_LOOSE = 5, 2
# An envelope of noise has a variance of 1 (1.4 is the most of a hundred bands of a second).
BURSTS_MIN = 1.5
REVOLUTIONS_MIN = 20  # eight turns of the cage: fewer do not resolve its sidebands
WIDTH_HARMONICS = 3.1  # a band lets the third harmonic through, slip and all
SMOOTH_ORDERS = 0.85  # of the shaft: noise is taken as level over this much of a spectrum

Samples = npt.NDArray[np.floating]


def name_fault(samples: Samples, rate_hz: float, shaft_hz: float, orders: FaultOrders) -> Diagnosis:
    """Name the damaged part of one bearing from one window at steady speed.

    ``samples``: shape (n,), any unit; ``shaft_hz``: revolutions per second. A second is good; at
    least 20 revolutions are needed. Slow or short records give a finding that says so.
    """
    too_little = _too_little(samples, rate_hz, shaft_hz, orders)
    if too_little:
        return Diagnosis(Finding("blocked", "unknown", 0.0, too_little))
    width_hz = WIDTH_HARMONICS * _fastest(orders) * shaft_hz
    heard = envelopes(samples, rate_hz, width_hz, SMOOTH_ORDERS * shaft_hz)
    window = Window(heard.spectra(), shaft_hz)
    first, second = _races(window, orders)
    seen = _seen(first, second)
    cage = window.weigh("cage", combs.cage(orders), _taken(seen, SIDES_LOOSE))
    spin = window.weigh("ball", combs.ball(orders), _taken(seen, SIDES_STRICT))
    if _rattles(cage, [first, second, spin]):
        return window.found(cage, "named", cage.lead)
    ahead = first.lead - max(0.0, second.lead)
    if _struck(first, ahead) and first.lead > spin.lead:
        return window.found(first, "named", ahead)
    if _spins(spin):
        return window.found(spin, "named", spin.lead)
    for look in _looks(heard, 1.0 / (orders.ftf * shaft_hz)):
        part = Window(look.spectra(), shaft_hz)
        spin_there = _spin(part, orders)
        if _spins(spin_there):
            return part.found(spin_there, "named", spin_there.lead)
    traits = [*_unlike(window, orders, seen), *_both(window, orders, first, second)]
    # They are read from different lines, so what they say adds up.
    ball = sum(max(0.0, trait.lead) for trait in traits)
    # A race's comb decides that the bearing is damaged; which part of it, odds like a race's own.
    if ball > (CLEAR if first.lead > DECISIVE else DECISIVE):
        clearest = max(traits, key=lambda trait: trait.lead)
        return window.found(clearest, "named", ball, _traits_told(traits))
    most = max((first, spin, cage), key=lambda case: case.lead)
    if most.lead > DECISIVE:
        return window.found(most, "unknown", max(0.0, ahead) if most is first else most.lead)
    reason = "no comb of a bearing's lines stands out of the noise"
    return Diagnosis(Finding("none", "none", 0.5, reason), window.shown(0))


def _fastest(orders: FaultOrders) -> float:
    return max(orders.bpfi, orders.bpfo, 2 * orders.bsf)


def _too_little(samples: Samples, rate_hz: float, shaft_hz: float, orders: FaultOrders) -> str:
    if not (shaft_hz > 0 and math.isfinite(shaft_hz)):
        return "the shaft's speed is unknown: give it, or fit a tacho"
    turns = len(samples) / rate_hz * shaft_hz
    if turns < REVOLUTIONS_MIN:
        return f"the record has {turns:.0f} revolutions, and {REVOLUTIONS_MIN} are needed"
    reach_hz = 2 * WIDTH_HARMONICS * _fastest(orders) * shaft_hz
    if reach_hz > rate_hz / 2:
        return f"sampled at {rate_hz:g} Hz, and this speed needs at least {2 * reach_hz:.0f} Hz"
    if not bool(np.isfinite(samples).all()):
        return "samples are missing or no numbers"
    return ""


def _races(window: Window, orders: FaultOrders) -> tuple[Case, Case]:
    """Both races, the one that leads first."""
    inner = window.weigh("inner_race", combs.inner_race(orders))
    outer = window.weigh("outer_race", combs.outer_race(orders))
    return (inner, outer) if inner.lead >= outer.lead else (outer, inner)


def _seen(*races: Case) -> list[Case]:
    return [race for race in races if race.lead > CLEAR]


def _taken(seen: list[Case], sides: int) -> list[Taken]:
    return [Taken(race.order, sides) for race in seen]


def _buried(seen: list[Case]) -> list[Taken]:
    """The races with what their far sidebands may carry at most."""
    falls = {"inner_race": combs.INNER_FALL, "outer_race": combs.OUTER_FALL}
    return [Taken(race.order, SIDES_LOOSE, falls[race.fault]) for race in seen]


def _struck(race: Case, ahead: float) -> bool:
    """Whether a race's comb leads and is what a struck race makes."""
    leads = race.lead > DECISIVE and ahead > CLEAR
    return leads and race.lines_seen >= RACE_LINES_MIN and _speaks_clearly(race)


def _speaks_clearly(case: Case) -> bool:
    broadly = case.heard > HEARD_MIN and case.depth >= DEPTH_LEAST
    return broadly or case.depth >= DEPTH_MIN


def _spins(spin: Case) -> bool:
    return spin.lead > DECISIVE and spin.lines_seen > 0 and spin.depth >= DEPTH_LEAST


def _rattles(cage: Case, others: list[Case]) -> bool:
    *_, spin = others
    if spin.lead > DECISIVE and spin.weighed.evidence > cage.weighed.evidence:
        return False
    deepest = max(other.depth for other in others)
    row = cage.lines_seen >= CAGE_LINES_MIN and cage.depth > deepest
    return row and cage.lead > DECISIVE and _speaks_clearly(cage)


def _looks(heard: Envelopes, cage_turn_s: float) -> list[Envelopes]:
    """Where a spot that leaves its track may strike; nowhere in a window that is all alike."""
    if heard.variance() < BURSTS_MIN:
        return []
    return [heard.loudest_half(), heard.levelled(cage_turn_s)]


def _spin(window: Window, orders: FaultOrders) -> Case:
    """A ball's spin in what the shaft and the races that are seen there leave."""
    seen = _seen(*_races(window, orders))
    return window.weigh("ball", combs.ball(orders), _taken(seen, SIDES_STRICT))


def _unlike(window: Window, orders: FaultOrders, seen: list[Case]) -> list[Case]:
    """One ball that differs from the others, from cage lines that no race explains."""
    if not seen:
        return []
    balls = round(orders.bpfo / orders.ftf)
    first = seen[0]
    ftf = 1 - first.order / balls if first.fault == "inner_race" else first.order / balls
    return [window.weigh("ball", combs.unlike_balls(ftf, balls), _buried(seen))]


def _both(window: Window, orders: FaultOrders, first: Case, second: Case) -> list[Case]:
    """A ball by the faint combs of both races: the second stands with the first and without it."""
    faint = max(first.depth, second.depth) < DEPTH_MIN
    if not (faint and first.lead > DECISIVE and second.lead > 0):
        return []
    other = {"inner_race": combs.inner_race, "outer_race": combs.outer_race}[second.fault]
    alone = window.weigh(second.fault, other(orders), _buried([first]))
    return [msgspec.structs.replace(alone, fault="ball")]


def _traits_told(traits: list[Case]) -> str:
    both = any(not trait.comb.placed and trait.lead > 0 for trait in traits)
    return "faint combs of both races: " if both else ""
