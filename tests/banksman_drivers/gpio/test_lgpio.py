"""gpiozero and lgpio as they are, over a stand-in for the kernel's character device."""

import pytest

from simulated.kernel_gpio import (
    ATTRIBUTE_VALUES,
    FALLING,
    INPUT,
    OUTPUT,
    PULL_DOWN,
    PULL_UP,
    RISING,
)

pytest.importorskip("lgpio", reason="lgpio has no wheel for this Python: apt install python3-lgpio")

DOOR, A, B, LAMP = 17, 5, 6, 22
POINT = {"name": "door", "line": DOOR, "debounce_ms": 0}
OUTPUT_TABLE = {"name": "lamp", "line": LAMP, "safe": False}


def good(batch):
    return batch["quality"] > 0


def reads(sensor, value):
    return lambda batch: good(batch) and batch["values"][f"io.{sensor}"] == value


@pytest.mark.parametrize(
    ("active", "safe", "level"),
    [("high", False, "0"), ("high", True, "1"), ("low", False, "1"), ("low", True, "0")],
)
def test_an_output_gets_direction_and_safe_level_in_one_request(
    kernel, start_child, active, safe, level
):
    output = OUTPUT_TABLE | {"active": active, "safe": safe}
    child = start_child(point=[POINT], output=[output])
    child.tell("run")
    child.until(good)
    first = next(entry for entry in kernel.log() if entry[1] == str(LAMP))
    assert first[:2] == ("get", str(LAMP))
    assert int(first[2]) & (OUTPUT | INPUT) == OUTPUT
    assert first[3:] == (str(ATTRIBUTE_VALUES), level)


@pytest.mark.parametrize(("pull", "flag"), [("up", PULL_UP), ("down", PULL_DOWN), ("none", 0)])
def test_an_input_asks_for_both_edges_and_its_pull(kernel, start_child, pull, flag):
    child = start_child(point=[POINT | {"pull": pull}])
    child.tell("run")
    child.until(good)
    flags = int([entry for entry in kernel.log() if entry[1] == str(DOOR)][-1][2])
    assert flags & (INPUT | RISING | FALLING) == INPUT | RISING | FALLING
    assert flags & (PULL_UP | PULL_DOWN) == flag


def test_the_first_level_is_read_and_an_edge_carries_the_kernels_time(kernel, start_child):
    kernel.set(DOOR, True)
    child = start_child(point=[POINT], poll_ms=600_000)  # one look, then edges only
    child.tell("run")
    assert child.until(good)["values"] == {"io.door": 1.0}
    at_ns = kernel.edge(DOOR, False)
    assert abs(child.until(reads("door", 0.0))["at_ns"] - at_ns) < 1000  # seconds as a float


def test_two_channels_of_an_encoder_are_counted_in_the_order_of_their_times(kernel, start_child):
    encoder = {"name": "belt", "line_a": A, "line_b": B, "mm_per_count": 0.5}
    child = start_child(encoder=[encoder])
    child.tell("run")
    child.until(good)
    for _ in range(25):
        for line, high in ((A, True), (B, True), (A, False), (B, False)):
            kernel.edge(line, high)
    batch = child.until(reads("belt_position", 50.0))
    assert batch["values"]["io.belt_missed"] == 0.0


def test_a_command_is_written_and_read_back(kernel, start_child):
    child = start_child(point=[POINT], output=[OUTPUT_TABLE])
    child.tell("run")
    child.until(good)
    assert child.ask("lamp 1") == {"answer": "done"}
    assert kernel.level(LAMP)
    assert child.ask("lamp 0") == {"answer": "done"}
    assert not kernel.level(LAMP)


def test_the_end_leaves_outputs_safe_and_turns_none_into_an_input(kernel, start_child):
    child = start_child(point=[POINT], output=[OUTPUT_TABLE])
    child.tell("run")
    child.until(good)
    child.ask("lamp 1")
    assert child.end()["message"] == "True"
    lamp = [entry for entry in kernel.log() if entry[1] == str(LAMP)]
    assert [entry[0] for entry in lamp] == ["get", "set", "set"]
    assert lamp[-1] == ("set", str(LAMP), "0")


def test_a_chip_that_is_pulled_out_is_lost_and_comes_back_with_its_outputs_safe(
    kernel, start_child
):
    child = start_child(point=[POINT], output=[OUTPUT_TABLE | {"safe": True}])
    child.tell("run")
    child.until(good)
    child.ask("lamp 0")
    kernel.unplug()
    child.until(lambda batch: batch["quality"] == 0)
    lost = child.ask("health")
    assert lost["answer"] == "lost"
    assert lost["message"].startswith("io: /dev/gpiochip7")
    assert child.ask("lamp 0")["answer"] == "CommandFailed"
    kernel.plug()
    child.until(good)
    assert kernel.level(LAMP)


def test_a_chip_that_comes_and_goes_leaves_no_descriptor_behind(kernel, start_child):
    child = start_child(point=[POINT], output=[OUTPUT_TABLE])
    child.tell("run")
    child.until(good)
    before = child.ask("fds")
    for _ in range(3):
        kernel.unplug()
        child.until(lambda batch: batch["quality"] == 0)
        kernel.plug()
        child.until(good)
    assert child.ask("fds") == before


def test_a_line_that_another_program_holds_is_named_with_the_remedy(kernel, start_child):
    kernel.hold(DOOR, "banksman-guard")
    child = start_child(point=[POINT])
    child.tell("run")
    child.until(lambda batch: batch["quality"] == 0)
    message = child.ask("health")["message"]
    assert "line 17" in message
    assert "banksman gpio list" in message


def test_to_safe_works_in_a_process_that_runs_no_driver(kernel, start_child):
    child = start_child(output=[OUTPUT_TABLE | {"active": "low"}])
    assert child.ask("safe") == {"answer": "safe"}
    assert kernel.level(LAMP)


def test_an_edge_that_comes_while_its_pin_is_closed_does_not_end_lgpios_thread(kernel, start_child):
    """gpiozero's own answer to it is an error, after which no line tells any edge any more."""
    child = start_child(point=[POINT])
    assert child.ask("late") == {"answer": "nothing"}


def test_edges_are_told_after_a_chip_has_come_and_gone_amid_them(kernel, start_child):
    encoder = {"name": "belt", "line_a": A, "line_b": B, "mm_per_count": 1}
    child = start_child(encoder=[encoder])
    child.tell("run")
    child.until(good)
    for _ in range(3):
        for line, high in ((A, True), (B, True), (A, False), (B, False)):
            kernel.edge(line, high)
        kernel.unplug()
        child.until(lambda batch: not good(batch))
        kernel.plug()
        child.until(good)
    before = child.until(good)["values"]["io.belt_position"]
    for line, high in ((A, True), (B, True), (A, False), (B, False)):
        kernel.edge(line, high)
    # Edges of before may still come late, and go on from there.
    child.until(lambda told: good(told) and told["values"]["io.belt_position"] >= before + 4)


def test_importing_lgpio_leaves_no_file_in_the_working_folder(kernel, start_child):
    child = start_child(point=[POINT])
    child.tell("run")
    child.until(good)
    assert not list(kernel.folder.glob(".lgd*"))
