"""The terminal beside a running, a killed and an absent daemon."""

import asyncio
import json


async def test_safe_puts_the_outputs_of_a_killed_daemon_in_their_safe_state(box, plc):
    plc.memory.holding[0] = 600
    await box.start()
    await box.until(lambda: plc.memory.coils[0] == 1, "the valve opens")
    await box.kill()
    assert plc.memory.coils[0] == 1, "a remote output outlives the daemon"

    ended = await box.command("safe", "--config", str(box.config))

    assert (ended.code, ended.out) == (0, "plc: safe\n")
    assert plc.memory.coils[0] == 0


async def test_safe_releases_the_guards_lines_and_the_coils(box, plc, wires):
    box.write(wires.tables, rules=wires.rules)
    plc.memory.coils[0] = 1
    ended = await box.command("safe", "--json", "--config", str(box.config))
    assert (ended.code, json.loads(ended.out)) == (0, {"guard": "safe", "plc": "safe"})
    assert plc.memory.coils[0] == 0
    assert not wires.permitted()
    assert wires.permit == b"0"


async def test_safe_names_what_it_could_not_reach_and_fails(box, plc):
    await plc.stop()
    ended = await box.command("safe", "--config", str(box.config))
    assert ended.code == 1
    assert "plc" in ended.out
    assert "refused" in ended.out


async def test_safe_writes_nothing_in_observe_mode(box, plc):
    box.write(mode="observe")
    plc.memory.coils[0] = 1
    ended = await box.command("safe", "--config", str(box.config))
    assert (ended.code, ended.out) == (0, "observe mode: this box writes nothing\n")
    assert plc.memory.coils[0] == 1


async def test_status_shows_the_box_at_a_glance_by_url_and_by_socket(box, plc):
    plc.memory.holding[0] = 600
    await box.start()
    await box.until_decision("open_valve")
    by_url = await box.command("status", "--url", box.url)
    assert by_url.code == 0, by_url
    assert "ARMED, ready" in by_url.out
    assert "plc.level" in by_url.out
    assert "plc.valve = True" in by_url.out

    by_socket = await box.command("status", "--json", "--socket", str(box.socket))
    assert by_socket.code == 0
    assert json.loads(by_socket.out)["node"] == "box"

    await plc.stop()
    await box.until_status(lambda status: not status["readiness"]["ready"], "not ready")
    not_ready = await box.command("status", "--socket", str(box.socket))
    assert not_ready.code == 1
    assert "NOT READY" in not_ready.out


async def test_tail_prints_what_happens_and_ends_after_its_count(box, plc):
    await box.start()
    words = ("tail", "--count", "2", "--json", "--socket", str(box.socket))
    tail = asyncio.create_task(box.command(*words))

    def happen():
        plc.memory.holding[0] = 600 if plc.memory.coils[0] == 0 else 0
        return tail.done()

    await box.until(happen, "tail has ended")
    ended = await tail
    assert ended.code == 0
    records = [json.loads(line) for line in ended.out.splitlines()]
    assert [record["kind"] for record in records] == ["decision", "decision"]
    assert {record["action"] for record in records} == {"open_valve", "close_valve"}


async def test_acknowledge_over_the_socket_says_that_a_person_has_seen_it(box, plc):
    await plc.stop()
    await box.start()
    await box.until_status(lambda status: status["alarms"], "an alarm")
    ended = await box.command("acknowledge", "device.plc", "--socket", str(box.socket))
    assert (ended.code, ended.out) == (0, "acknowledged: device.plc\n")
    unknown = await box.command("acknowledge", "device.plx", "--socket", str(box.socket))
    assert unknown.code == 1
    assert "no such alarm" in unknown.err


async def test_without_a_daemon_every_client_ends_with_exit_code_6_and_says_where_it_looked(box):
    for words in (("status",), ("tail", "--count", "1"), ("acknowledge", "x")):
        ended = await box.command(*words, "--url", box.url)
        assert ended.code == 6, words
        assert box.url in ended.err
        assert "systemctl status banksman" in ended.err
