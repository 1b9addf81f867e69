"""The plant numbers what it serves and times what is written: the bench rests on it."""

import struct

import pytest

from benchmarks.reaction.simulator import SimulatorSilent

HIGH, LOW = 900, 100


def test_every_poll_carries_its_own_number(plant, client):
    numbers = [low | high << 16 for low, high, *_ in (client.poll() for _ in range(5))]
    assert numbers == [1, 2, 3, 4, 5]
    assert plant.mark().sequence == 5


def test_a_read_that_leaves_out_register_0_is_not_counted(plant, client):
    client.ask(3, struct.pack(">HH", 2, 1))
    assert plant.mark().sequence == 0
    assert plant.mark().requests == 1


def test_a_step_is_timed_from_the_answer_that_showed_it_to_the_coil(plant, client):
    plant.begin_steps(1, (0, 0))
    while client.poll()[2] != HIGH:
        pass
    client.write_coil(True)
    [step] = plant.end_steps(timeout_s=10)
    assert not step.missed
    assert 0 <= step.decide_ms <= step.reaction_ms


def test_steps_alternate_and_a_wrong_write_does_not_end_one(plant, client):
    plant.begin_steps(2, (0, 0))
    for wanted in (HIGH, LOW):
        while client.poll()[2] != wanted:
            pass
        client.write_coil(wanted != HIGH)
        client.write_coil(wanted == HIGH)
    steps = plant.end_steps(timeout_s=10)
    assert [step.wanted for step in steps] == [1, 0]
    assert not any(step.missed for step in steps)


def test_a_step_that_nobody_answers_is_missed_and_not_timed_as_served(plant):
    plant.begin_steps(1, (0, 0), timeout_ms=1)
    [step] = plant.end_steps(timeout_s=10)
    assert step.missed
    assert step.decide_ms == -1


def test_steps_that_are_stopped_do_not_count(plant):
    plant.begin_steps(1, (60_000, 60_000))
    assert plant.end_steps(timeout_s=0) == []


def test_it_tells_when_a_reading_was_served(plant, client):
    before = plant.mark().mono_ns
    client.poll()
    assert before <= plant.served_mono_ns(1) <= plant.mark().mono_ns
    with pytest.raises(LookupError, match="reading 2"):
        plant.served_mono_ns(2)


def test_the_pace_counts_intervals_since_it_was_forgotten(plant, client):
    client.poll()
    plant.forget_pace()
    for _ in range(4):
        client.poll()
    pace = plant.pace()
    assert pace.count == 3
    assert pace.p50_ms <= pace.p99_ms <= pace.max_ms


@pytest.mark.parametrize(
    ("function", "data", "exception"),
    [
        (3, struct.pack(">HH", 0, 126), 3),
        (3, struct.pack(">HH", 2047, 2), 2),
        (1, struct.pack(">HH", 2047, 2), 2),
        (5, struct.pack(">HH", 2048, 0xFF00), 2),
        (16, struct.pack(">HHBH", 0, 2, 4, 1), 3),
        (43, struct.pack(">HH", 0, 1), 1),
    ],
)
def test_a_bad_request_is_answered_by_its_exception(plant, client, function, data, exception):
    assert client.ask(function, data) == bytes([function | 0x80, exception])
    assert plant.mark().exceptions == 1


def test_garbage_ends_that_connection_only(plant, client):
    other = type(client)(plant.port)
    client.socket.sendall(b"\xff" * 64)
    with pytest.raises(ConnectionResetError):
        client.read(1)
    assert other.poll()[0] == 1
    other.socket.close()


def test_a_request_in_pieces_is_one_request(plant, client):
    frame = struct.pack(">HHHBBHH", 7, 0, 6, 1, 3, 0, 1)
    for byte in frame:
        client.socket.sendall(bytes([byte]))
    assert client.answer() == struct.pack(">BBH", 3, 2, 1)


def test_a_plant_that_died_is_said_and_not_waited_for(plant):
    plant._process.kill()
    plant._process.wait()
    with pytest.raises((SimulatorSilent, BrokenPipeError)):
        plant.mark()
