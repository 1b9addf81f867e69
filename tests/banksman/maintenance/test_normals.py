"""Former normals of a machine: kept when they end, gone back to, refused where they do not fit."""

import msgspec
import pytest
from tests.banksman.maintenance.test_attending import KNOWN, LEARN, SETTLE, Plant

from banksman.config.schema_maintenance import MachineSettings
from banksman.errors import VersionRefused
from banksman.maintenance.deviation import Verdict
from banksman.maintenance.judging import Judge
from banksman.maintenance.normals import VERSIONS_MAX, KeptVersions, NormalBook, Version


def other(**options):
    """A judge of the same pump as it may be configured later."""
    settings = Plant().settings.model_dump(exclude_unset=True)
    return Judge(MachineSettings.model_validate({**settings, **options}))


@pytest.fixture(scope="module")
def learned():
    """A pump that knows all of its normal, renewed once, and again as long after."""
    plant = Plant()
    plant.run(KNOWN + 2 * LEARN)
    plant.attending.say("renew")
    plant.run(KNOWN + 2 * LEARN, flow=8.0, amps=4.0)
    plant.attending.keep()
    return plant.kept[-1], plant.former[-1]


@pytest.fixture
def pump(learned):
    kept, former = learned
    plant = Plant(kept, seed=5, former=former)
    plant.run(SETTLE + 12, flow=8.0, amps=4.0)
    return plant


def test_a_normal_that_ended_is_kept_with_when_and_why(pump):
    (version,) = pump.normals.versions
    assert (version.number, version.why) == (1, "it was renewed")
    assert version.ended_s - version.began_s == pytest.approx(KNOWN + 2 * LEARN, abs=2.0)
    assert pump.told.version == 2
    assert pump.told.normal_since_s == version.ended_s


def test_going_back_judges_by_the_former_normal_at_once_and_keeps_the_one_that_ends(pump):
    assert pump.told.judgement.verdict is Verdict.NORMAL
    pump.attending.go_back(1)
    assert pump.run(20, flow=8.0, amps=4.0).verdict is Verdict.ALARM
    assert pump.told.version == 3
    assert [each.number for each in pump.normals.versions] == [1, 2]
    assert pump.normals.versions[-1].why == "someone went back to normal 1"
    assert pump.run(20).verdict is Verdict.NORMAL


def test_it_is_the_normal_of_now_over_a_restart(pump):
    pump.attending.go_back(1)
    pump.run(1, flow=8.0, amps=4.0)
    after = pump.again()
    assert after.run(SETTLE + 12).verdict is Verdict.NORMAL
    assert after.told.version == 3
    assert [each.number for each in after.normals.versions] == [1, 2]


def test_what_was_half_learned_is_dropped_when_someone_goes_back_while_it_learns(pump):
    pump.attending.say("renew")
    assert pump.run(LEARN // 2).verdict is Verdict.UNKNOWN
    pump.attending.go_back(1)
    assert pump.run(12).verdict is Verdict.NORMAL
    assert [each.number for each in pump.normals.versions] == [1, 2]


def test_hours_run_stay_as_they_are(pump):
    before = pump.told.judgement.hours_run
    pump.attending.go_back(1)
    assert pump.run(1).hours_run >= before


def test_an_unknown_number_is_refused_with_those_that_are_kept(pump):
    with pytest.raises(VersionRefused, match=r"normal 4 is not kept; kept are: 1$"):
        pump.attending.go_back(4)
    with pytest.raises(VersionRefused, match="kept are: none"):
        Plant().attending.go_back(1)


@pytest.mark.parametrize(
    "options",
    [
        {"slow": [{"sensor": "p.flow"}]},
        {"slow": [{"sensor": "p.amps"}, {"sensor": "p.flow"}]},
        {"slow": [{"sensor": "p.flow"}, {"sensor": "p.amps"}, {"sensor": "p.heat"}]},
        {"vibration": [{"sensor": "acc.x"}]},
        {"load": {"sensor": "p.run"}},
    ],
)
def test_a_normal_of_other_sensors_or_states_is_refused(pump, options):
    with pytest.raises(VersionRefused, match="other sensors or states"):
        pump.normals.find(1, other(**options))


def test_a_damaged_normal_is_refused_and_stays_in_the_list(learned):
    kept, former = learned
    versions = msgspec.msgpack.decode(former, type=KeptVersions).versions
    baselines = versions[0].normal.baselines.baselines
    short = msgspec.structs.replace(baselines[0].entries, data=b"\0")
    baselines[0] = msgspec.structs.replace(baselines[0], entries=short)
    plant = Plant(kept, former=msgspec.msgpack.encode(KeptVersions(versions)))
    assert len(plant.normals.versions) == 1
    with pytest.raises(VersionRefused, match="damaged"):
        plant.attending.go_back(1)


@pytest.mark.parametrize("value", [b"", b"\xc1", msgspec.msgpack.encode({"versions": 3})])
def test_a_value_that_nobody_can_read_is_no_version(value):
    assert NormalBook(lambda _: None, value).versions == ()


def test_only_the_last_ones_are_kept(learned):
    saved = []
    book = NormalBook(saved.append, learned[1])
    for number in range(2, VERSIONS_MAX + 4):
        book.add(msgspec.structs.replace(book.versions[0], number=number))
    numbers = [each.number for each in book.versions]
    assert numbers == list(range(4, VERSIONS_MAX + 4))
    again = NormalBook(lambda _: None, saved[-1])
    assert [each.number for each in again.versions] == numbers
    assert all(isinstance(each, Version) for each in again.versions)
