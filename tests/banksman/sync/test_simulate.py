"""`banksman sync simulate`: the policy over a recorded link, as table, JSON and picture."""

import json
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from banksman.cli import main
from banksman.config.schema_sync import SyncSettings
from banksman.errors import TraceUnreadable
from banksman.sync.plant import Plant, Queue
from banksman.sync.plot import svg
from banksman.sync.simulate import ROW_BYTES, Simulation
from banksman.sync.trace import Point, Trace, read_trace

TRACE = "time,mbit,rtt,loss\n0,0,0,1\n600,1,80,0\n1200,60,10,0\n"


def steps_of(*points, metered=False, readings=10.0, tail_s=60.0, seed=1, settings=None):
    trace = [Point(*point) for point in points]
    settings = settings or SyncSettings()
    plant = Plant(readings=readings)
    return Simulation(trace, settings, plant, metered, seed=seed).run(tail_s)


def test_a_backlog_of_an_outage_drains_over_a_thin_link_and_takes_nearly_all_of_it():
    steps = steps_of((0, 0, 0, 1), (3600, 0.1, 80, 0), readings=200, tail_s=600)
    busy = [step for step in steps if step.at_s > 3660 and step.background_waiting > 10_000]
    assert len(busy) > 50
    capacity = 0.1e6 / 8 * 5 * len(busy)
    assert sum(step.sent_bytes for step in busy) > 0.9 * capacity


def test_a_critical_row_waits_neither_for_an_interval_nor_for_a_backlog():
    steps = steps_of((0, 0, 0, 1), (600, 1, 80, 0), tail_s=1200)
    late = max(step.critical_delay_s for step in steps if step.at_s > 700)
    assert late < 2.0


def test_the_rows_of_the_table_follow_the_link():
    steps = steps_of((0, 1, 20, 0), (600, 60, 10, 0), tail_s=3600)
    assert steps[20].profile == "thin"
    assert steps[-1].profile == "wide"


def test_a_metered_link_keeps_readings_back():
    free = steps_of((0, 2, 80, 0), tail_s=600)
    metered = steps_of((0, 2, 80, 0), metered=True, tail_s=600)
    assert metered[-1].background_waiting > 10 * free[-1].background_waiting


def per(steps, seconds):
    """Bytes sent in each such time."""
    sent = {}
    for step in steps:
        which = int((step.at_s - 1) // seconds)
        sent[which] = sent.get(which, 0) + step.sent_bytes
    return list(sent.values())


@pytest.mark.parametrize("mbit", [0.5, 8, 60])
def test_a_metered_day_stays_within_its_hours_and_its_day_and_critical_rows_still_go(mbit):
    settings = SyncSettings(metered_hour_mb=0.2, metered_day_mb=3)
    plant = Plant(critical=0.02, important=1, normal=5, readings=100)
    steps = Simulation([Point(0, mbit, 80, 0)], settings, plant, metered=True).run(86_400)
    critical = 3600 * 0.02 * 90  # is counted, and never held back
    probe = 64_000  # what was begun with little left is not cut in two
    assert max(per(steps, 3600)) <= 0.2e6 + critical + probe
    assert sum(step.sent_bytes for step in steps) <= 3e6 + 24 * critical + probe
    assert max(step.critical_delay_s for step in steps) < 2.5
    assert max(step.critical_waiting for step in steps) <= 1
    assert steps[-1].background_waiting > 0


def test_the_share_of_transfers_that_the_trace_says_fails_and_what_they_sent_was_sent():
    whole = steps_of((0, 2, 80, 0), readings=200, tail_s=3600)
    broken = steps_of((0, 2, 80, 0.3), readings=200, tail_s=3600)
    assert sum(step.failed for step in whole) == 0
    good = [step.reliability for step in broken if step.at_s > 600]
    assert 0.6 < sum(good) / len(good) < 0.8
    assert sum(step.sent_bytes for step in broken) > 1.1 * sum(step.sent_bytes for step in whole)
    assert max(step.critical_delay_s for step in broken) > 1.0
    # The rate of what arrives is the link's all the same.
    assert broken[-1].measured_mbit == pytest.approx(whole[-1].measured_mbit, rel=0.1)


def test_what_failed_comes_again_and_nothing_stays():
    steps = steps_of((0, 2, 80, 0.5), (3600, 2, 80, 0), tail_s=600)
    assert steps[-1].critical_waiting <= 1
    assert steps[-1].background_waiting < 4000


def test_a_seed_draws_the_same_failures_and_another_one_others():
    runs = [steps_of((0, 2, 80, 0.3), tail_s=1800, seed=seed) for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_over_a_link_that_loses_every_transfer_nothing_arrives_and_bytes_are_spent():
    steps = steps_of((0, 2, 80, 1), tail_s=600)
    assert steps[-1].measured_mbit is None
    assert steps[-1].background_waiting == pytest.approx(6000, abs=100)
    assert steps[-1].sent_bytes >= ROW_BYTES


def test_only_where_the_trace_is_metered_the_budget_holds():
    settings = SyncSettings(metered_hour_mb=0.05)
    trace = (0, 8, 80, 0, False), (3600, 8, 80, 0, True), (7200, 8, 80, 0, False)
    steps = steps_of(*trace, readings=200, tail_s=3600, settings=settings)
    free, dear, after = steps[:719], steps[719:1439], steps[1439:]  # a step tells of its end
    assert {step.budget_left_bytes for step in free + after} == {None}
    assert all(step.budget_left_bytes is not None for step in dear)
    critical, probe = 3600 * 0.01 * ROW_BYTES, 64_000
    assert sum(step.sent_bytes for step in dear) <= 0.05e6 + critical + probe
    assert sum(step.sent_bytes for step in free) > 10 * sum(step.sent_bytes for step in dear)
    assert dear[-1].background_waiting > 10 * after[-1].background_waiting


def test_rows_that_wait_longer_than_their_deadline_are_missed_once_each():
    queue = Queue(0.5, 10.0)
    for _ in range(60):
        queue.make()
    assert (queue.waiting, queue.late) == (30, 25)
    assert queue.oldest_s() == pytest.approx(58.0)
    queue.take(30)
    for _ in range(9):
        queue.make()
    assert queue.late == 25


@given(st.lists(st.integers(0, 30), max_size=200), st.floats(0.05, 20), st.floats(1, 50))
def test_a_queue_counts_what_is_late_as_a_list_of_its_rows_does(turns, rate, deadline_s):
    queue, born, late, made = Queue(rate, deadline_s), [], set(), 0.0
    numbers = 0
    for now, taken in enumerate(turns):
        made += rate
        while numbers < int(made):
            numbers += 1
            born.append(numbers)
        due = int(made - rate * deadline_s)
        late.update(number for number in born if number <= due)
        queue.make()
        taken = min(taken, len(born))
        queue.take(taken)
        del born[:taken]
        assert (queue.waiting, queue.late) == (len(born), len(late)), now


def test_an_outage_longer_than_the_deadline_is_seen_in_the_steps():
    steps = steps_of((0, 0, 0, 0), (7200, 2, 80, 0), tail_s=600)
    assert steps[0].critical_late == 0
    # 0.01 a second, an hour's patience: what was made in the first of two hours.
    assert steps[-1].critical_late == pytest.approx(36, abs=1)
    assert steps[-1].important_late == 0


def test_a_trace_holds_from_each_line_on():
    trace = Trace([Point(10, 1, 0, 0), Point(20, 2, 0, 0, metered=True)])
    found = [trace.at(at_s).mbit for at_s in (0, 10, 19.9, 20, 1e9)]
    assert found == [1, 1, 1, 2, 2]


POINTS = st.tuples(st.floats(0, 100), st.floats(0, 2000), st.floats(0, 1))


@given(st.lists(POINTS, min_size=1, max_size=5), st.booleans())
def test_whatever_the_link_does_nothing_is_lost_or_made_up(points, metered):
    trace = [(60.0 * n, *point) for n, point in enumerate(points)]
    for step in steps_of(*trace, metered=metered, tail_s=30):
        counts = (step.critical_waiting, step.normal_waiting, step.background_waiting)
        assert all(count >= 0 for count in counts)
        assert step.background_waiting <= 10 * (step.at_s + 5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("a,b,c,d\n1,x,3,4\n", ":2: not numbers"),
        ("0,1,2\n", ":1: four or five numbers"),
        ("0,1,2,0,1,1\n", ":1: four or five numbers"),
        ("0,nan,2,0\n", "four or five numbers"),
        ("0,1,2,0,2\n", "metered is 0 or 1"),
        ("0,-1,2,0\n", "not negative"),
        ("0,1,2,1.5\n", "loss is 0 to 1"),
        ("5,1,2,0\n5,1,2,0\n", ":2: time does not grow"),
        ("0,1,2,0\n1e9,1,2,0\n", "days"),
    ],
)
def test_a_wrong_trace_is_refused_with_its_line(text, said):
    with pytest.raises(TraceUnreadable, match=said):
        read_trace(text.splitlines(), "t.csv")


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text):
    try:
        points = read_trace(text.splitlines())
    except TraceUnreadable:
        return
    assert points


def test_the_command_prints_a_table_json_and_draws(tmp_path, capsys):
    trace, picture = tmp_path / "t.csv", tmp_path / "t.svg"
    trace.write_text(TRACE)
    assert main(["sync", "simulate", str(trace), "--plot", str(picture)]) == 0
    assert "profile" in capsys.readouterr().out
    root = ElementTree.fromstring(picture.read_text())
    assert root.findall("{http://www.w3.org/2000/svg}polyline")
    assert main(["sync", "simulate", str(trace), "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)
    assert steps[0]["profile"] == "thin"
    assert main(["sync", "simulate", str(tmp_path / "none.csv")]) == 2


def shapes(picture: str, kind: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(picture).findall(f"{{http://www.w3.org/2000/svg}}{kind}")


def words(picture: str) -> list[str]:
    return [each.text or "" for each in shapes(picture, "text")]


def test_the_picture_says_what_held_what_failed_and_what_was_late():
    trace = (0, 30, 20, 0), (600, 0, 0, 0), (9000, 2, 80, 0.3, True), (9600, 60, 20, 0)
    picture = svg(steps_of(*trace, tail_s=1800), "a day", ["thin", "fair", "wide", "never"])
    said = words(picture)
    for each in ("a day", "thin", "wide", "no link", "metered", "critical", "goodput, Mbit/s"):
        assert each in said
    assert any(each.endswith("deadlines missed") for each in said)
    assert any(each.endswith("transfers failed") for each in said)
    assert "never" not in said


def test_a_picture_of_many_steps_has_no_more_points_than_can_be_seen():
    day = svg(steps_of((0, 30, 20, 0), tail_s=30_000), "x")
    short = svg(steps_of((0, 30, 20, 0), tail_s=10), "x")
    assert len(shapes(short, "polyline")) == len(shapes(day, "polyline"))
    assert len(day) < 400_000


@example([(5e-324, 0.0, 0.0)], False)
@given(st.lists(POINTS, min_size=1, max_size=5), st.booleans())
def test_every_picture_is_whole_and_within_its_frame(points, metered):
    trace = [(60.0 * n, *point) for n, point in enumerate(points)]
    picture = svg(steps_of(*trace, metered=metered, tail_s=30), "x")
    for line in shapes(picture, "polyline"):
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 1000
            assert 0 <= y <= 1200


def test_a_title_cannot_break_out_of_the_picture():
    steps = steps_of((0, 1, 20, 0), tail_s=10)
    ElementTree.fromstring(svg(steps, "<script>&"))
