"""`banksman gpio` against a stand-in for the kernel's character device."""

import json
import subprocess
import sys

import pytest

from simulated.kernel_gpio import CHIP, KernelGpio, build

ESTOP, DOOR, OTHER = 3, 17, 27


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("kernel_gpio"))


@pytest.fixture
def kernel(library, tmp_path):
    return KernelGpio(library, tmp_path)


@pytest.fixture
def gpio(kernel):
    """``gpio("list", …)``: exit code, output, errors."""

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "banksman.cli", "gpio", *arguments],
            env=kernel.environment,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def watch(kernel):
    """A running `banksman gpio watch`."""
    running = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "banksman.cli", "gpio", "watch", *arguments],
            env=kernel.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_list_shows_each_line_and_who_holds_it(kernel, gpio):
    kernel.hold(ESTOP, "banksman-guard")
    code, out, _ = gpio("list", CHIP)
    assert code == 0
    assert out.startswith(f"{CHIP}  fake-soc, 32 lines\n")
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines()[1:]}
    assert lines["3"][:3] == ["LINE3", "input", "banksman-guard"]
    assert lines["17"] == ["LINE17", "input", "free"]


def test_list_can_leave_out_the_free_lines_and_print_json(kernel, gpio):
    kernel.hold(ESTOP, "banksman-guard")
    code, out, _ = gpio("list", CHIP, "--used", "--json")
    assert code == 0
    (chip,) = json.loads(out)
    assert (chip["path"], chip["label"]) == (CHIP, "fake-soc")
    assert [(line["line"], line["consumer"]) for line in chip["lines"]] == [(3, "banksman-guard")]


def test_list_takes_no_line(kernel, gpio):
    gpio("list", CHIP)
    assert kernel.log() == []


def test_a_consumers_name_cannot_drive_the_terminal(kernel, gpio):
    kernel.hold(ESTOP, "evil\x1b[2J")
    assert "\x1b" not in gpio("list", CHIP)[1]


def test_watch_shows_the_levels_first_and_then_edges_with_their_time(kernel, watch):
    kernel.set(DOOR, True)
    process = watch(f"{CHIP}:{DOOR}", f"{CHIP}:{OTHER}", "--json", "--count", "2")
    levels = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert [(told["line"], told["high"]) for told in levels] == [(DOOR, True), (OTHER, False)]
    first_ns = kernel.edge(DOOR, False)
    second_ns = kernel.edge(OTHER, True, leader=DOOR)
    edges = [json.loads(line) for line in process.stdout]
    assert [(edge["line"], edge["high"], edge["mono_ns"]) for edge in edges] == [
        (DOOR, False, first_ns),
        (OTHER, True, second_ns),
    ]
    assert process.wait() == 0


def test_watch_tells_how_many_edges_the_kernel_lost(kernel, watch):
    process = watch(f"{CHIP}:{DOOR}", "--count", "2")
    assert process.stdout.readline() == f"{CHIP}:{DOOR} is low\n"
    kernel.edge(DOOR, True)
    kernel.edge(DOOR, False, skip=3)
    told = process.stdout.read().splitlines()
    assert told[0].endswith("rising")
    assert told[1].endswith("falling  (3 edges before it were lost)")


def test_watch_of_a_held_line_says_what_to_look_at(kernel, gpio):
    kernel.hold(ESTOP, "banksman-guard")
    code, _, errors = gpio("watch", f"{CHIP}:{ESTOP}")
    assert code == 1
    assert f"{CHIP}:3" in errors
    assert "banksman gpio list" in errors


def test_a_chip_that_is_not_there_is_told_with_the_remedy(kernel, gpio):
    kernel.unplug()
    code, _, errors = gpio("list", CHIP)
    assert code == 1
    assert "there is no such chip" in errors


@pytest.mark.parametrize("text", ["17", "/dev/gpiochip7:", "/dev/gpiochip7:x", ":17", "0:99999"])
def test_what_is_no_line_is_told_with_an_example(gpio, text):
    code, _, errors = gpio("watch", text)
    assert code == 2
    assert "CHIP:LINE" in errors


def test_a_line_beyond_the_chip_is_told(gpio):
    code, _, errors = gpio("watch", f"{CHIP}:32")
    assert code == 1
    assert "no such line" in errors
