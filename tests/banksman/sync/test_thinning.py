"""In which form readings go up: dead bands by sensor, thinned when old and the link is thin."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from banksman.config.schema_sync import SyncSettings
from banksman.store.rows import OutboxRow, ReadingRow
from banksman.sync.link import LinkState
from banksman.sync.parcel import fill
from banksman.sync.policy import Policy
from banksman.sync.thinned import PERIODS_MAX, ThinnedTally
from banksman.sync.thinning import HOUR_NS, Thinning
from banksman.wire.bands import Band
from banksman.wire.blocks import form_of, unpack
from banksman.wire.messages import Priority, ReadingsMessage, ReadingsSummary
from banksman_cloud.readings import ReadingsWanted
from banksman_drivers.ports import Quality, Reading

NOW_NS = 1_780_000_000 * 10**9


def plan_of(settings, mbit, metered=False):
    state = LinkState(0.0, mbit, 20.0, 1.0, stale=False)
    return Policy(settings).plan(state, metered)


def rows_of(*ages_h):
    rows = []
    for number, age_h in enumerate(ages_h, 1):
        at_ns = NOW_NS - round(age_h * HOUR_NS)
        message = ReadingsMessage(
            f"press-1-{number}", "press", "plc", at_ns, at_ns, "boot", {"oven": float(number)}
        )
        rows.append(ReadingRow(number, message.id, "plc", msgspec.json.encode(message)))
    return rows


def test_the_first_band_that_matches_holds_and_the_default_for_the_others():
    settings = SyncSettings.model_validate(
        {
            "dead_band": 0.25,
            "band": [
                {"sensor": "plc.oven", "absolute": 0.5},
                {"sensor": "plc.*", "percent": 1},
                {"sensor": "*.rms", "absolute": 9},
            ],
        }
    )
    thinning = Thinning(settings)
    assert thinning.band_of("plc", "oven") == Band(0.5, 0)
    assert thinning.band_of("plc", "rms") == Band(0, 1)
    assert thinning.band_of("vib", "rms") == Band(9, 0)
    assert thinning.band_of("vib", "peak") == Band(0.25, 0)


def test_without_a_word_in_the_config_everything_is_exact():
    assert Thinning(SyncSettings()).band_of("plc", "oven") == Band()


@pytest.mark.parametrize("sensor", ["", "Plc.x", "plc;x", "a" * 81])
def test_a_band_for_what_no_sensor_can_be_called_is_refused(sensor):
    with pytest.raises(ValidationError):
        SyncSettings.model_validate({"band": [{"sensor": sensor}]})


@pytest.mark.parametrize(
    ("mbit", "metered", "age_h", "after_h", "form"),
    [
        (1, False, 100, 72, "thinned"),
        (None, False, 100, 72, "thinned"),
        (60, True, 100, 72, "thinned"),
        (60, False, 100, 72, "banded"),  # a wide link carries all of it
        (1, False, 71, 72, "banded"),
        (1, False, 5000, 0, "banded"),  # never
    ],
)
def test_readings_are_thinned_when_they_are_old_and_the_link_is_thin(
    mbit, metered, age_h, after_h, form
):
    settings = SyncSettings(thin_after_h=after_h)
    plan = plan_of(settings, mbit, metered)
    (entry,) = fill((), rows_of(age_h), 10**6, 3, form=Thinning(settings).form(plan, NOW_NS))
    assert form_of(entry.item.body).name == form


def test_a_block_that_reaches_into_the_newer_ones_is_kept_whole():
    settings = SyncSettings()
    form = Thinning(settings).form(plan_of(settings, 1), NOW_NS)
    (entry,) = fill((), rows_of(100, 90, 10), 10**6, 3, form=form)
    assert form_of(entry.item.body).name == "banded"


def test_decisions_and_alarms_are_never_thinned():
    settings = SyncSettings(dead_band=1e6)
    form = Thinning(settings).form(plan_of(settings, 1), NOW_NS)
    row = OutboxRow(1, Priority.NORMAL, "decision", "press-1-9", b'{"any": 0.123}', 5)
    entry, block = fill((row,), rows_of(100), 10**6, 3, form=form)
    assert entry.item.body == row.payload
    (line,) = unpack(block.item.body)
    assert msgspec.json.decode(line, type=ReadingsSummary).messages == 1


async def test_what_the_endpoint_gives_back_is_within_the_dead_bands(cloud, make_rig, store, until):
    values = [20.0 + n * 0.07 + (n % 7) * 0.3 for n in range(500)]
    for n, value in enumerate(values, 1):
        readings = (
            Reading("plc.oven", value, "degC", Quality.GOOD, n * 10**9),
            Reading("plc.count", float(n), "", Quality.GOOD, n * 10**9),
        )
        store.records.put_readings("plc", readings)
    rig = make_rig(cloud.port, band=[{"sensor": "plc.oven", "absolute": 0.5}])
    await until(lambda: rig.status.readings_sent >= 500 and rig.idle(), "everything is sent")

    page = await cloud.endpoint.readings(ReadingsWanted("press", limit=5000))

    found = [msgspec.json.decode(line, type=ReadingsMessage).values for line in page.readings]
    assert [each["count"] for each in found] == [float(n) for n in range(1, 501)]
    far = [abs(each["oven"] - value) for each, value in zip(found, values, strict=True)]
    assert 0 < max(far) <= 0.5
    assert page.bands == {"plc.oven": (0.5, 0.0)}


async def test_what_went_up_thinned_is_counted_with_its_time_and_marked_at_the_endpoint(
    cloud, make_rig, store, until
):
    for n in range(1, 201):
        readings = (Reading("plc.oven", 20.0 + n, "degC", Quality.GOOD, n * 10**7),)
        store.records.put_readings("plc", readings)
    rig = make_rig(cloud.port, thin_after_h=1e-6, thin_every_s=60)
    await until(lambda: rig.status.readings_sent >= 200 and rig.idle(), "everything is sent")
    status = rig.status
    await rig.stop()

    assert status.readings_thinned == 200
    (period,) = status.thinned
    assert period.readings == 200
    assert period.from_wall_ns < period.to_wall_ns
    page = await cloud.endpoint.readings(ReadingsWanted("press", limit=5000))
    assert page.thinned_s == [60]
    lines = [msgspec.json.decode(line, type=ReadingsSummary) for line in page.readings]
    assert sum(line.messages for line in lines) == 200
    again = make_rig(cloud.port, start=False)
    assert (again.status.readings_thinned, again.status.thinned) == (200, (period,))


async def test_what_went_up_by_exception_counts_as_thinned_nowhere(cloud, make_rig, store, until):
    store.records.put_readings("plc", (Reading("plc.oven", 20.0, "degC", Quality.GOOD, 1),))
    rig = make_rig(cloud.port, thin_after_h=0)
    await until(lambda: rig.status.readings_sent >= 1 and rig.idle(), "it is sent")
    assert (rig.status.readings_thinned, rig.status.thinned) == (0, ())


HOURS = st.integers(0, 2000).map(lambda hours: hours * HOUR_NS)


@given(st.lists(st.tuples(HOURS, HOURS, st.integers(1, 2000)), max_size=40))
def test_the_tally_counts_all_and_tells_a_bounded_number_of_periods_after_a_restart_too(blocks):
    kept: dict[str, bytes] = {}
    for first, last, readings in blocks:
        ThinnedTally(kept.get, kept.__setitem__).add(first, last, readings)
    now = ThinnedTally(kept.get, kept.__setitem__).now
    assert now.readings == sum(readings for *_, readings in blocks)
    assert len(now.periods) <= PERIODS_MAX
    assert sum(period.readings for period in now.periods) <= now.readings
    assert all(period.from_wall_ns <= period.to_wall_ns for period in now.periods)
    if blocks:
        first, last, _ = blocks[-1]
        newest = now.periods[0]
        assert newest.from_wall_ns <= min(first, last)
        assert max(first, last) <= newest.to_wall_ns


def test_lots_of_one_outage_are_one_period_and_the_next_outage_is_another():
    tally = ThinnedTally()
    for lot in range(10):
        tally.add(lot * HOUR_NS, (lot + 1) * HOUR_NS - 1, 3600)
    tally.add(100 * HOUR_NS, 101 * HOUR_NS, 3600)
    newest, before = tally.now.periods
    assert (newest.from_wall_ns, newest.readings) == (100 * HOUR_NS, 3600)
    assert (before.from_wall_ns, before.to_wall_ns) == (0, 10 * HOUR_NS - 1)


@given(st.binary(max_size=30))
def test_a_tally_that_cannot_be_read_begins_anew(kept):
    assert ThinnedTally(lambda _: kept).now.readings >= 0
