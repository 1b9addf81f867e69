"""Links that break: nothing is lost, and nothing is at the endpoint twice."""

import pytest


async def whole(cloud, ids, readings) -> None:
    records, found = await cloud.record_ids(), await cloud.reading_ids()
    assert sorted(records) == sorted(ids)
    assert len(found) == readings
    assert len(set(found)) == readings


async def test_what_gathers_while_nobody_is_there_arrives_when_the_link_returns(
    cloud, line, make_rig, put_audit, put_alarm, put_readings, until
):
    await line.down()
    ids = put_audit(20)
    put_readings(500)
    rig = make_rig(line.port)
    await until(lambda: rig.status.state == "down", "the link is seen to be down")
    ids.append(put_alarm())

    await line.start()

    await until(rig.idle, "everything is sent")
    await whole(cloud, ids, 500)


@pytest.mark.parametrize("cut_after", [300, 1500, 5000])
async def test_a_link_that_is_reset_in_the_middle_of_bodies_costs_nothing(
    cloud, line, make_rig, put_audit, put_readings, until, cut_after
):
    line.cut_after = cut_after
    ids = put_audit(30)
    put_readings(2000)
    rig = make_rig(line.port)

    await until(lambda: line.cuts == 1, "the link was cut once")
    line.cut_after = cut_after
    put_readings(500)
    ids += put_audit(10)
    await until(lambda: rig.status.readings_sent >= 2500 and rig.idle(), "everything is sent")

    await until(lambda: rig.status.state == "up", "the link is up again")
    await whole(cloud, ids, 2500)


async def test_answers_that_are_lost_double_nothing(
    cloud, line, make_rig, put_audit, put_readings, until
):
    line.fault = "mute"
    ids = put_audit(10)
    put_readings(200)
    rig = make_rig(line.port)

    async def kept() -> bool:
        return len(await cloud.record_ids()) == 10 and len(await cloud.reading_ids()) == 200

    await until(kept, "the endpoint has it, and the box does not know")
    put_readings(100)  # the next block is cut otherwise than the one that is there
    assert rig.status.readings_sent == 0
    line.fault = ""

    await until(lambda: rig.status.readings_sent >= 300 and rig.idle(), "everything is known")
    await whole(cloud, ids, 300)
    assert rig.status.repeated


async def test_an_endpoint_that_restarts_has_everything_once(
    cloud, make_rig, put_audit, put_readings, until
):
    rig = make_rig(cloud.port)
    await until(lambda: rig.status.state == "up", "the endpoint has answered")
    await cloud.stop()
    ids = put_audit(50)
    put_readings(400)
    await until(lambda: rig.status.state == "down", "the endpoint is gone")

    await cloud.start()

    await until(lambda: rig.status.readings_sent >= 400 and rig.idle(), "everything is sent")
    await whole(cloud, ids, 400)


async def test_what_was_in_flight_when_the_box_stopped_comes_again_with_its_ids(
    cloud, line, make_rig, put_audit, put_readings, until
):
    line.fault = "mute"
    ids = put_audit(5)
    put_readings(100)
    first = make_rig(line.port)

    async def kept() -> bool:
        return len(await cloud.record_ids()) == 5 and len(await cloud.reading_ids()) == 100

    await until(kept, "the endpoint has it, and the box does not know")
    await first.stop()

    second = make_rig(cloud.port)

    await until(lambda: second.status.readings_sent >= 100 and second.idle(), "all is known")
    await whole(cloud, ids, 100)


async def test_a_stuck_connection_is_given_up_and_the_next_one_tried(
    cloud, line, make_rig, put_alarm, until, monkeypatch
):
    monkeypatch.setattr("banksman.sync.courier.WITHIN_LEAST_S", 0.3)
    monkeypatch.setattr("banksman.sync.courier.WITHIN_MOST_S", 0.5)
    line.fault = "stall"
    alarm = put_alarm()
    rig = make_rig(line.port)
    await until(lambda: rig.status.state == "down", "nothing comes back")
    line.fault = ""

    async def arrived() -> bool:
        return alarm in await cloud.record_ids()

    await until(arrived, "the alarm is at the endpoint")


async def test_a_metered_link_carries_critical_rows_only_and_one_bounded_probe(
    cloud, make_rig, put_audit, put_alarm, put_readings, until
):
    put_audit(400, "x" * 2000)
    alarm = put_alarm()
    profile = {
        "name": "thin", "over_mbit": 0, "lowest": "critical", "compression": "medium",
        "batch": 1, "interval_s": 1,
    }  # fmt: skip
    rig = make_rig(cloud.port, metered=True, profile=[profile], probe_s=3600, probe_kb=16)

    async def arrived() -> bool:
        return alarm in await cloud.record_ids()

    await until(arrived, "the alarm is at the endpoint")
    await until(lambda: rig.status.records_sent > 1, "a probe was sent")
    assert rig.status.metered
    assert rig.status.rows_waiting["important"] > 200


async def test_a_budget_that_is_used_up_holds_all_but_critical_rows(
    cloud, make_rig, put_audit, put_alarm, until
):
    rig = make_rig(cloud.port, metered=True, metered_hour_mb=0.0001)
    await until(lambda: rig.status.budget_left_bytes == 0, "the heartbeat alone has used it up")
    put_audit(3)
    alarm = put_alarm()

    async def arrived() -> bool:
        return alarm in await cloud.record_ids()

    await until(arrived, "the alarm is at the endpoint")
    assert rig.status.rows_waiting["important"] == 3


async def test_an_outage_costs_a_metered_budget_nothing(
    line, make_rig, put_audit, put_alarm, until
):
    await line.down()
    put_audit(50, "x" * 2000)
    put_alarm()
    rig = make_rig(line.port, metered=True, metered_hour_mb=1)
    await until(lambda: rig.standing.failures > 5, "it was tried in vain")
    assert rig.status.budget_left_bytes == 1_000_000
