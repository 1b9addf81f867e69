from __future__ import annotations

import asyncio
import subprocess

import pytest

from banksman_drivers.ports import CommandExpired, CommandFailed, Unsupported

pytestmark = pytest.mark.broker


@pytest.fixture
async def online(broker, forklift, make_driver, until, order_file):
    """The driver with its vehicle online and one state told."""
    one = make_driver(broker.port, order_file=str(order_file))
    forklift.connection("ONLINE")
    await until(lambda: one.driver._link.up, "the driver listens")
    forklift.tell()
    await until(lambda: one.sink.value("connected") == 1.0, "the vehicle is connected")
    return one


async def test_a_state_becomes_readings(online):
    sink = online.sink
    assert sink.value("driving") == 1.0
    assert sink.value("paused") == 0.0
    assert sink.value("estop") == 0.0
    assert sink.value("battery") == 80.5
    assert sink.value("speed") == 5.0
    assert (sink.value("x"), sink.value("y")) == (1.5, -2.0)
    assert sink.value("errors") == 0.0
    assert sink.value("stale") == 0.0
    assert set(sink.newest) == {info.id for info in online.driver.sensors()}
    assert online.driver.health().state == "connected"


async def test_pause_is_sent_as_an_instant_action_and_done_when_the_vehicle_finished_it(
    online, forklift, until
):
    done = asyncio.create_task(online.driver.apply(online.command("pause", True)))
    await until(lambda: forklift.received("instantActions"), "the instant action")
    (message,) = forklift.received("instantActions")
    (action,) = message["actions"]
    assert action["actionType"] == "startPause"
    assert action["blockingType"] == "HARD"
    assert (message["version"], message["manufacturer"], message["serialNumber"]) == (
        "2.1.0",
        "acme",
        "7",
    )
    forklift.tell(actionStates=[{"actionId": action["actionId"], "actionStatus": "RUNNING"}])
    await until(lambda: online.driver._vehicle.taken == 2, "the running state")
    assert not done.done()
    forklift.tell(actionStates=[{"actionId": action["actionId"], "actionStatus": "FINISHED"}])
    await asyncio.wait_for(done, 10)
    assert online.driver.health().round_trip_us > 0


async def test_the_paused_flag_confirms_too_and_stop_pause_is_its_opposite(online, forklift, until):
    done = asyncio.create_task(online.driver.apply(online.command("pause", True)))
    await until(lambda: len(forklift.received("instantActions")) == 1, "startPause")
    forklift.tell(paused=True)
    await asyncio.wait_for(done, 10)
    done = asyncio.create_task(online.driver.apply(online.command("pause", False)))
    await until(lambda: len(forklift.received("instantActions")) == 2, "stopPause")
    first, second = forklift.received("instantActions")
    assert second["actions"][0]["actionType"] == "stopPause"
    assert second["headerId"] == first["headerId"] + 1
    assert second["actions"][0]["actionId"] != first["actions"][0]["actionId"]
    forklift.tell(paused=False)
    await asyncio.wait_for(done, 10)


async def test_a_refused_action_fails_with_the_vehicles_words(online, forklift, until):
    done = asyncio.create_task(online.driver.apply(online.command("pause", True)))
    await until(lambda: forklift.received("instantActions"), "the instant action")
    action_id = forklift.received("instantActions")[0]["actions"][0]["actionId"]
    forklift.tell(
        actionStates=[
            {
                "actionId": action_id,
                "actionStatus": "FAILED",
                "resultDescription": "load is swinging",
            }
        ]
    )
    with pytest.raises(CommandFailed, match=r"acme 7.*load is swinging"):
        await asyncio.wait_for(done, 10)


async def test_a_vehicle_that_does_not_confirm_fails_the_command_by_name(
    broker, forklift, make_driver, until
):
    one = make_driver(broker.port, stale_ms=150.0)
    await until(lambda: one.driver._link.up, "the driver listens")
    with pytest.raises(CommandFailed, match=r"acme 7.* did not confirm startPause within 150 ms"):
        await one.driver.apply(one.command("pause", True))


async def test_an_expired_command_is_not_sent(online, forklift):
    with pytest.raises(CommandExpired):
        await online.driver.apply(online.command("pause", True, expires_in_s=-1))
    assert forklift.received("instantActions") == []


async def test_an_offline_vehicle_is_not_asked(online, forklift, until):
    forklift.connection("CONNECTIONBROKEN")
    await until(lambda: online.sink.value("connected") == 0.0, "the loss")
    with pytest.raises(CommandFailed, match="offline"):
        await online.driver.apply(online.command("pause", True))
    assert online.sink.value("driving") is None
    assert online.driver.health().state == "lost"


async def test_silence_makes_the_readings_bad_and_a_state_makes_them_good_again(
    broker, forklift, make_driver, until
):
    one = make_driver(broker.port, stale_ms=150.0)
    await until(lambda: one.driver._link.up, "the driver listens")
    forklift.tell()
    await until(lambda: one.sink.value("driving") == 1.0, "the state")
    await until(lambda: one.sink.value("stale") == 1.0, "silence is noticed")
    assert one.sink.value("driving") is None
    assert one.sink.value("connected") == 0.0
    batches = one.sink.batches
    await until(lambda: one.sink.batches >= batches + 2, "the loss is told again and again")
    forklift.tell()
    await until(lambda: one.sink.value("driving") == 1.0, "the new state")


async def test_losing_the_broker_makes_the_readings_bad_at_once_and_it_comes_back(
    online, broker, forklift, until
):
    broker.kill()
    await until(lambda: online.sink.value("connected") == 0.0, "the loss")
    assert online.sink.value("battery") is None
    with pytest.raises(CommandFailed, match="not sent"):
        await online.driver.apply(online.command("pause", True))
    broker.start()
    await until(lambda: online.driver._link.up, "the link is back")

    # The test's own client reconnects by itself too; tell until one state gets through.
    def told() -> bool:
        forklift.tell()
        return online.sink.value("connected") == 1.0

    await until(told, "the vehicle is heard again")


async def test_the_first_release_sends_the_whole_order_with_its_first_nodes_as_base(
    online, forklift, until
):
    done = asyncio.create_task(online.driver.apply(online.command("released_nodes", 2.0)))
    await until(lambda: forklift.received("order"), "the order")
    (order,) = forklift.received("order")
    assert (order["orderId"], order["orderUpdateId"]) == ("transport-1", 0)
    assert [(n["sequenceId"], n["released"]) for n in order["nodes"]] == [
        (0, True),
        (2, True),
        (4, False),
        (6, False),
    ]
    assert [(e["sequenceId"], e["released"]) for e in order["edges"]] == [
        (1, True),
        (3, False),
        (5, False),
    ]
    forklift.tell(orderId="transport-1", orderUpdateId=0)
    await asyncio.wait_for(done, 10)


async def test_an_update_begins_at_the_last_released_node_and_counts_on(online, forklift, until):
    forklift.tell(
        orderId="transport-1",
        orderUpdateId=4,
        lastNodeId="n0",
        nodeStates=[
            {"nodeId": "n1", "sequenceId": 2, "released": True},
            {"nodeId": "n2", "sequenceId": 4, "released": False},
        ],
    )
    await until(lambda: online.sink.value("node") == 0.0, "the state on its order")
    done = asyncio.create_task(online.driver.apply(online.command("released_nodes", 3)))
    await until(lambda: forklift.received("order"), "the order update")
    (order,) = forklift.received("order")
    assert order["orderUpdateId"] == 5
    assert [(n["sequenceId"], n["released"]) for n in order["nodes"]] == [
        (2, True),
        (4, True),
        (6, False),
    ]
    assert [(e["sequenceId"], e["released"]) for e in order["edges"]] == [(3, True), (5, False)]
    forklift.tell(orderId="transport-1", orderUpdateId=5)
    await asyncio.wait_for(done, 10)


async def test_a_base_never_shrinks_and_zero_releases_nothing_more(online, forklift, until):
    forklift.tell(orderId="transport-1", lastNodeId="n2", lastNodeSequenceId=4)
    await until(lambda: online.sink.value("node") == 2.0, "the vehicle stands on n2")
    with pytest.raises(CommandFailed, match="cannot shrink"):
        await online.driver.apply(online.command("released_nodes", 1))
    await online.driver.apply(online.command("released_nodes", 0.0))
    await online.driver.apply(online.command("released_nodes", 3))
    assert forklift.received("order") == []


async def test_a_refused_order_update_fails_with_the_vehicles_words(online, forklift, until):
    done = asyncio.create_task(online.driver.apply(online.command("released_nodes", 2)))
    await until(lambda: forklift.received("order"), "the order")
    references = [
        {"referenceKey": "orderId", "referenceValue": "transport-1"},
        {"referenceKey": "orderUpdateId", "referenceValue": "0"},
    ]
    forklift.tell(
        errors=[
            {
                "errorType": "noRouteError",
                "errorLevel": "WARNING",
                "errorDescription": "n1 is out of reach",
                "errorReferences": references,
            }
        ]
    )
    with pytest.raises(CommandFailed, match="n1 is out of reach"):
        await asyncio.wait_for(done, 10)


@pytest.mark.parametrize("value", [5, -1, 1.5, float("nan"), "two"])
async def test_a_release_that_the_order_does_not_have_is_refused(online, forklift, value):
    with pytest.raises(CommandFailed, match="4 nodes"):
        await online.driver.apply(online.command("released_nodes", value))
    assert forklift.received("order") == []


async def test_an_output_that_no_vehicle_has_is_unsupported(online):
    with pytest.raises(Unsupported):
        await online.driver.apply(online.command("horn", True))


async def test_releasing_without_an_order_file_is_unsupported(broker, make_driver):
    one = make_driver(broker.port)
    with pytest.raises(Unsupported, match="order_file"):
        await one.driver.apply(one.command("released_nodes", 1))


async def test_to_safe_connects_by_itself_and_pauses(broker, forklift, make_driver, until):
    one = make_driver(broker.port, run=False)
    done = asyncio.create_task(one.driver.to_safe())
    await until(lambda: forklift.received("instantActions"), "the pause")
    forklift.tell(paused=True)
    await asyncio.wait_for(done, 10)


async def test_to_safe_without_a_broker_names_the_vehicle(free_port, make_driver):
    one = make_driver(free_port, run=False, stale_ms=200.0)
    with pytest.raises(CommandFailed, match=r"forklift.pause.*by hand"):
        await one.driver.to_safe()


async def test_two_boxes_may_listen_to_the_same_vehicle(broker, forklift, make_driver, until):
    boxes = [make_driver(broker.port), make_driver(broker.port)]
    await until(lambda: all(box.driver._link.up for box in boxes), "both listen")
    forklift.tell()
    await until(lambda: all(box.sink.value("driving") == 1.0 for box in boxes), "both hear")
    assert [box.driver.health().reconnects for box in boxes] == [0, 0]


@pytest.fixture
def locked_broker(make_broker, make_authority, tmp_path):
    """(broker, its authority's file): it wants TLS, and a login that only ``box`` has."""
    authority = make_authority("floor")
    cert, key = authority.issue("broker", server=True)
    users = tmp_path / "users"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", str(users), "box", "open sesame"],
        check=True,
        capture_output=True,
    )
    users.chmod(0o644)
    broker = make_broker(
        f"certfile {cert}",
        f"keyfile {key}",
        f"password_file {users}",
        auth="allow_anonymous false",
    )
    return broker, str(authority.ca_file)


async def test_a_broker_that_asks_for_tls_and_a_login_gets_both(
    locked_broker, make_driver, tmp_path, until
):
    broker, ca_file = locked_broker
    secret = tmp_path / "secret"
    secret.write_text("open sesame\n")
    login = {"username": "box", "password_file": str(secret)}
    trust = {"tls": True, "ca_file": ca_file}
    one = make_driver(broker.port, **trust, **login)
    await until(lambda: one.driver._link.up, "the link is up")
    stranger = make_driver(broker.port, **trust)
    await until(lambda: stranger.driver._link.report().state == "down", "no login, no link")


async def test_a_fatal_error_of_the_vehicle_is_a_fault_until_it_is_gone(online, forklift, until):
    error = {"errorType": "driveFault", "errorLevel": "FATAL", "errorDescription": "wheel"}
    forklift.tell(errors=[error])
    await until(lambda: online.sink.value("fatal_errors") == 1.0, "the error")
    assert online.driver.health().fault == "forklift (acme 7) reports driveFault: wheel"
    forklift.tell(errors=[error | {"errorLevel": "WARNING"}])
    await until(lambda: online.sink.value("fatal_errors") == 0.0, "its end")
    assert online.driver.health().fault == ""


async def test_a_vehicle_of_another_version_is_lost_and_health_says_why(
    broker, forklift, make_driver, until
):
    one = make_driver(broker.port, stale_ms=150.0)
    await until(lambda: one.driver._link.up, "the driver listens")
    forklift.tell(version="3.0.0")
    await until(lambda: "3.0.0" in one.driver.health().message, "the reason")
    assert one.driver.health().state == "lost"
    assert one.sink.value("driving") is None


async def test_a_timeout_tells_how_far_the_vehicle_got(broker, forklift, make_driver, until):
    one = make_driver(broker.port, stale_ms=3000.0)
    await until(lambda: one.driver._link.up, "the driver listens")
    done = asyncio.create_task(one.driver.apply(one.command("pause", True)))
    await until(lambda: forklift.received("instantActions"), "the instant action")
    action_id = forklift.received("instantActions")[0]["actions"][0]["actionId"]
    forklift.tell(actionStates=[{"actionId": action_id, "actionStatus": "RUNNING"}], paused=True)
    with pytest.raises(CommandFailed, match=r"startPause within 3000 ms \(it is RUNNING\)"):
        await done


async def test_a_vehicle_that_is_not_heard_is_asked_to_pause_but_never_to_go_on(
    broker, forklift, make_driver, until, order_file
):
    one = make_driver(broker.port, stale_ms=150.0, order_file=str(order_file))
    await until(lambda: one.driver._link.up, "the driver listens")
    forklift.tell()
    await until(lambda: one.driver._vehicle.taken == 1, "one state")
    await until(lambda: one.sink.value("stale") == 1.0, "silence after it")
    with pytest.raises(CommandFailed, match="not heard now; stopPause was not sent"):
        await one.driver.apply(one.command("pause", False))
    with pytest.raises(CommandFailed, match="not heard now; no order was sent"):
        await one.driver.apply(one.command("released_nodes", 2))
    with pytest.raises(CommandFailed, match="did not confirm startPause"):
        await one.driver.apply(one.command("pause", True))
    await until(lambda: forklift.received("instantActions"), "the pause")
    (message,) = forklift.received("instantActions")
    assert message["actions"][0]["actionType"] == "startPause"
    assert forklift.received("order") == []


def test_people_see_which_vehicle_a_reading_or_output_belongs_to(make_vehicle):
    named, bare = make_vehicle(label="Truck 7"), make_vehicle()
    assert all(info.label.startswith("Truck 7: ") for info in (*named.sensors(), *named.outputs()))
    assert all(info.label.startswith(f"{bare.id}: ") for info in bare.sensors())
