from __future__ import annotations

import asyncio
import signal
import socket
import sys
import textwrap

import pytest

from banksman_drivers.mqtt_session import SessionLimits, Will

pytestmark = pytest.mark.broker
BRISK = SessionLimits(keepalive_s=1)
CHILD = textwrap.dedent("""
    import asyncio, sys, time
    from banksman_drivers.mqtt_link import MqttEndpoint, MqttLink
    from banksman_drivers.mqtt_session import Will

    class Clock:
        mono_ns = staticmethod(time.monotonic_ns)

    def told(state):
        if state == "up":
            link.publish("status", b"online", retain=True)

    link = MqttLink(
        MqttEndpoint(host="127.0.0.1", port=int(sys.argv[1]), client_id="child",
                     will=Will("status", b"offline")),
        Clock(), on_state=told)
    asyncio.run(link.run())
""")


async def test_a_message_reaches_another_client_and_its_acknowledgement_comes_back(
    broker, listen, start_link, until
):
    other = listen(broker, "t/#")
    one = start_link(broker.port)
    await until(lambda: one.link.up, "the link is up")
    fates: list[bool] = []
    assert one.link.publish("t/a", b"hello", qos=1, done=fates.append)
    await until(lambda: fates and other.heard, "acknowledged and heard")
    assert fates == [True]
    assert other.heard == [("t/a", b"hello", False)]
    report = one.link.report()
    assert (report.state, report.published, report.acknowledged) == ("up", 1, 1)
    assert report.in_flight == 0
    assert report.round_trip_ms > 0


async def test_subscriptions_stand_before_the_link_says_it_is_up(broker, listen, start_link, until):
    other = listen(broker, "nothing")
    one = start_link(broker.port, topics=("in/#",))
    await until(lambda: one.link.up, "the link is up")
    other.publish("in/x", b"1")
    other.publish("in/y", b"2", qos=1)
    await until(lambda: len(one.messages) == 2, "both messages")
    assert one.messages == [("in/x", b"1", False), ("in/y", b"2", False)]


async def test_a_retained_message_is_marked_as_one(broker, listen, start_link, until):
    other = listen(broker, "kept")
    other.publish("kept", b"old", qos=1, retain=True)
    await until(lambda: other.heard, "the broker has it")
    one = start_link(broker.port, topics=("kept",))
    await until(lambda: one.messages, "the retained message")
    assert one.messages == [("kept", b"old", True)]


async def test_nothing_is_taken_while_there_is_no_broker(free_port, start_link, until):
    one = start_link(free_port)
    await until(lambda: "down" in one.states, "the first try failed")
    assert not one.link.publish("t", b"x", qos=1)
    assert not one.link.publish("t", b"x")
    report = one.link.report()
    assert report.refused == 2
    assert str(free_port) in report.message


async def test_the_link_comes_back_after_the_broker_was_killed_and_the_fate_of_messages_is_told(
    broker, start_link, until
):
    one = start_link(broker.port)
    await until(lambda: one.link.up, "the link is up")
    broker.freeze()
    fates: list[bool] = []
    for _ in range(5):
        assert one.link.publish("t", b"x", qos=1, done=fates.append)
    broker.kill()
    await until(lambda: not one.link.up, "the loss is noticed")
    await until(lambda: len(fates) == 5, "every fate is told")
    assert fates == [False] * 5
    broker.start()
    await until(lambda: one.link.up, "the link is up again")
    assert one.link.report().reconnects == 1
    assert one.link.publish("t", b"x", qos=1, done=fates.append)
    await until(lambda: fates[5:] == [True], "the new message is acknowledged")


async def test_a_frozen_broker_is_given_up_and_messages_flow_after_it_thaws(
    broker, start_link, until
):
    one = start_link(broker.port, BRISK)
    await until(lambda: one.link.up, "the link is up")
    broker.freeze()
    await until(lambda: not one.link.up, "silence is noticed by keep-alive")
    assert "said nothing" in one.link.report().message or "no answer" in one.link.report().message
    broker.thaw()
    await until(lambda: one.link.up, "the link is up again")


async def test_in_flight_messages_are_bounded_and_the_rest_is_refused(broker, start_link, until):
    one = start_link(broker.port, SessionLimits(max_in_flight=3))
    await until(lambda: one.link.up, "the link is up")
    broker.freeze()
    assert one.link.room() == 3
    taken = [one.link.publish("t", b"x", qos=1) for _ in range(5)]
    assert taken == [True, True, True, False, False]
    assert one.link.room() == 0
    broker.thaw()
    await until(lambda: one.link.room() == 3, "room again")


async def test_a_broker_that_takes_no_bytes_stops_unacknowledged_messages_too(
    broker, start_link, until
):
    one = start_link(broker.port, SessionLimits(max_unsent_bytes=100_000))
    await until(lambda: one.link.up, "the link is up")
    broker.freeze()
    taken = 0
    while one.link.publish("t", bytes(50_000)):
        taken += 1
        await asyncio.sleep(0)
        assert taken < 10_000, "unbounded"
    assert one.link.room() == 0


async def test_a_black_hole_never_blocks_the_loop_and_is_named(start_link, until):
    with socket.socket() as hole:  # it listens, and nobody accepts
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        port = hole.getsockname()[1]
        one = start_link(port, connect_timeout_s=0.2)
        turns = 0
        while "down" not in one.states:
            await asyncio.sleep(0)
            turns += 1
        assert turns > 100
        assert "no answer" in one.link.report().message


async def test_a_wrong_password_is_told_and_retried(make_broker, start_link, until, tmp_path):
    users = tmp_path / "users"
    command = ("mosquitto_passwd", "-b", "-c", str(users), "box", "right")
    assert await (await asyncio.create_subprocess_exec(*command)).wait() == 0
    users.chmod(0o644)
    broker = make_broker(auth=f"password_file {users}")
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    one = start_link(broker.port, username="box", password_file=str(secret))
    await until(lambda: "down" in one.states, "the refusal")
    assert "refused us" in one.link.report().message
    assert "wrong" not in one.link.report().message
    secret.write_text("right\n")
    await until(lambda: one.link.up, "the new password is read")


async def test_a_missing_password_file_is_named(broker, start_link, until):
    one = start_link(broker.port, username="box", password_file="/no/such/secret")
    await until(lambda: "down" in one.states, "the failure")
    assert "/no/such/secret" in one.link.report().message


async def test_the_last_will_is_published_when_the_process_is_killed(broker, listen, until):
    other = listen(broker, "status")
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, str(broker.port))
    try:
        await until(lambda: other.payloads("status") == [b"online"], "the child is online")
        child.send_signal(signal.SIGKILL)
        await until(lambda: other.payloads("status")[-1] == b"offline", "the last will")
    finally:
        await child.wait()


async def test_a_polite_end_sends_what_is_left_and_no_last_will(broker, listen, start_link, until):
    other = listen(broker, "#")
    one = start_link(broker.port, will=Will("status", b"gone"))
    await until(lambda: one.link.up, "the link is up")
    one.link.publish("last", b"words")
    await one.stop()
    await until(lambda: other.payloads("last"), "the last words")
    other.publish("mark", b"")
    await until(lambda: other.payloads("mark"), "everything before the mark has come")
    assert other.payloads("status") == []


async def test_another_client_with_our_name_makes_us_reconnect(broker, start_link, until):
    first = start_link(broker.port, client_id="twin")
    await until(lambda: first.link.up, "the first is up")
    second = start_link(broker.port, client_id="twin")
    await until(lambda: second.link.report().published == 0 and second.link.up, "the second is up")
    await until(lambda: first.link.report().reconnects > 0, "the first came back")


async def test_a_topic_with_wildcards_is_an_error_of_the_caller(broker, start_link, until):
    one = start_link(broker.port)
    await until(lambda: one.link.up, "the link is up")
    with pytest.raises(ValueError, match="wildcard"):
        one.link.publish("a/#", b"")
