"""What of a machine rings, and what only changes its words."""

import math

import msgspec
import pytest

from banksman.maintenance.deviation import Verdict
from banksman.maintenance.findings import Finding
from banksman.maintenance.normal import Worst
from banksman.maintenance.prognosis import NOTHING
from banksman.maintenance.ringing import Ringing
from banksman.maintenance.standing import Judgement
from banksman.maintenance.together import Changed
from banksman.wire.messages import Priority

NORMAL = Judgement(
    state="loaded", verdict=Verdict.NORMAL, sigmas=0.1, what="as ever", since_s=math.nan,
    score=0.0, scored="", warming=0, prognosis=NOTHING,
)  # fmt: skip


class Desk:
    def __init__(self):
        self.done = []

    def raise_alarm(self, key, text, priority, cause):
        self.done.append(("raise", key, text, priority))

    def reword_alarm(self, key, text):
        self.done.append(("reword", key, text))

    def clear_alarm(self, key):
        self.done.append(("clear", key))


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def ringing(desk):
    return Ringing("pump", "Pump", desk)


def judged(verdict, what="heat is out"):
    return msgspec.structs.replace(NORMAL, verdict=verdict, what=what)


def test_more_urgent_rings_and_less_urgent_changes_the_words_only(ringing, desk):
    for verdict in (Verdict.WARNING, Verdict.ALARM, Verdict.WARNING, Verdict.NORMAL):
        ringing.tell(judged(verdict))
    assert desk.done == [
        ("raise", "machine.pump", "Pump: heat is out; look at it", Priority.NORMAL),
        ("raise", "machine.pump", "Pump: heat is out; act now", Priority.CRITICAL),
        ("reword", "machine.pump", "Pump: heat is out; look at it"),
        ("clear", "machine.pump"),
    ]


def test_what_stood_before_the_start_is_held_and_no_more_is_rung_for_it(ringing, desk):
    ringing.resume(Worst(Verdict.ALARM, 3.0, "heat is out", 1.0))
    ringing.tell(judged(Verdict.ALARM))
    assert [done[0] for done in desk.done] == ["raise", "reword"]


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.NORMAL])
def test_what_was_well_before_the_start_rings_nobody(ringing, desk, verdict):
    ringing.resume(Worst(verdict, math.nan, "", math.nan))
    assert desk.done == []


def test_a_change_that_is_not_so_rare_is_shown_and_rings_nobody_until_it_is(ringing, desk):
    change = Changed("flow", "loaded", 41.2, 37.8, 1_700_000_000.0, 0.995)
    ringing.tell(msgspec.structs.replace(NORMAL, change=change))
    assert "raise" not in [each[0] for each in desk.done]
    for score in (0.99995, 0.995):
        rarer = msgspec.structs.replace(change, score=score)
        ringing.tell(msgspec.structs.replace(NORMAL, change=rarer))
    done = [each[0] for each in desk.done if each[1] == "machine.pump.change"]
    assert done == ["raise", "reword"]


def test_a_change_rings_once_while_it_holds(ringing, desk):
    change = Changed("flow", "loaded", 41.2, 37.8, 1_700_000_000.0, 0.99999)
    for told in (change, msgspec.structs.replace(change, after=36.0), None, None):
        ringing.tell(msgspec.structs.replace(NORMAL, change=told))
    done = [each for each in desk.done if each[1] == "machine.pump.change"]
    assert [each[0] for each in done] == ["raise", "reword", "clear"]
    assert done[0][2] == (
        "Pump: flow changed by -3.4 when loaded, from 41.2 to 37.8, since 14 Nov 22:13:20 UTC;"
        " look at it"
    )


@pytest.mark.parametrize("certainty", ["none", "unknown", "suspected"])
def test_what_has_no_sure_name_rings_nobody(ringing, desk, certainty):
    ringing.tell(NORMAL, Finding("bearing", certainty, 0.9, "odd"))
    assert [each for each in desk.done if each[1].endswith("fault")] == []


def test_a_named_fault_rings_until_it_is_named_no_more(ringing, desk):
    named = Finding("outer_race", "named", 0.99, "3 lines lead")
    for finding in (named, named, None):
        ringing.tell(NORMAL, finding)
    done = [each for each in desk.done if each[1] == "machine.pump.fault"]
    assert [each[0] for each in done] == ["raise", "reword", "clear"]
    assert done[0][2] == "Pump: bearing, outer race: 3 lines lead; plan its repair"
    assert done[0][3] is Priority.IMPORTANT
