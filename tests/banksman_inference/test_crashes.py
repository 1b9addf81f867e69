"""A model that takes its process down: who it was is known to the next one, and it is set aside.

The crashes are real ones of LiteRT, in processes of their own.
"""

from __future__ import annotations

import platform
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from tiny_tflite import crash_above

from banksman_inference.bundle import parse_bundle
from banksman_inference.choosing import BoardFacts
from banksman_inference.crash_watch import RUNNING, SLOTS, STACKS, CrashWatch, read_book
from banksman_inference.crashes import (
    CRASHES_MOST,
    Crash,
    CrashBook,
    Running,
    accused,
)
from banksman_inference.golden import odd_inputs
from banksman_inference.loading import load_network, make_trial
from banksman_inference.ports import ModelRefused, TensorSpec
from banksman_inference.probe_memory import ProbeMemory

x86_only = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="dividing the smallest integer by -1 traps on x86 only"
)
FINE, DEADLY = [[5.0, 1.0, 2.0]], [[1500.0, 1.0, 2.0]]
DUMP = """Fatal Python error: Segmentation fault

Thread 0x00007f0000000001 (most recent call first):
  File "a.py", line 1 in run

Current thread 0x00007f0000000002 (most recent call first):
  File "litert.py", line 107 in run
"""
FIRST = Running(0x7F0000000001, "m1", "litert-default", "caps")
SECOND = Running(0x7F0000000002, "m2", "litert-builtin", "lids")

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from banksman_inference.bundle import read_bundle
from banksman_inference.choosing import BoardFacts
from banksman_inference.crash_watch import CrashWatch
from banksman_inference.loading import load_network
from banksman_inference.probe import Prober
from banksman_inference.probe_memory import ProbeMemory

folder = Path(sys.argv[1])
watch = CrashWatch(folder, 7)
watch.listen()
with Prober() as prober:
    network = load_network(
        read_bundle(folder / "bearing.bundle"), BoardFacts(), prober,
        ProbeMemory(folder / "passed.json"), int, print, watch,
    )
print([each.name for each in network.status() if each.state == "serving"])
for row in {rows}:
    network.run(np.array(row, np.float32))
{then}
"""


@pytest.fixture
def deadly(draft_of):
    """A bundle that passes its trial and then ends the process for one input."""
    from banksman_inference.bundle import pack_bundle

    manifest, members = draft_of(crash_above(1000, 2000))
    return pack_bundle(manifest, members)


@pytest.fixture
def run(tmp_path, deadly):
    """Run the bundle in a process; returns (exit code, what it said)."""
    (tmp_path / "bearing.bundle").write_bytes(deadly)

    def make(*rows, then=""):
        program = PROGRAM.format(rows=list(rows), then=textwrap.dedent(then))
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return make


@x86_only
def test_after_a_crash_the_next_backend_serves_and_after_two_the_model_is_refused(run, tmp_path):
    code, said = run(FINE, DEADLY)
    assert code == -signal.SIGFPE
    first, second = ("default", "builtin") if "litert-default" in said else ("builtin", "default")

    code, said = run(FINE)
    assert code == 0
    assert f"litert-{first} is set aside, as it crashed the daemon (Floating point" in said
    assert f"['litert-{second}']" in said
    (crash,) = read_book(tmp_path).crashes
    assert (crash.bundle, crash.backend, crash.wall_ns) == ("bearing", f"litert-{first}", 7)

    assert run(DEADLY)[0] == -signal.SIGFPE
    code, said = run(FINE)
    assert code == 1
    assert f"crashed the daemon twice, last on litert-{second}" in said
    assert "banksman bundle crashed --forget" in said


def test_a_kill_in_the_middle_of_a_run_accuses_nobody(run, tmp_path):
    inside = """
        import os, signal
        with watch.place("m", "litert-default", "caps"):
            os.kill(os.getpid(), signal.SIGKILL)
    """
    assert run(FINE, then=inside)[0] == -signal.SIGKILL
    watch = CrashWatch(tmp_path, 1)
    assert (watch.stacks, watch.news) == ("", ())


def test_an_abort_of_a_thread_that_runs_no_model_accuses_nobody(run, tmp_path):
    """As the watchdog of systemd aborts a daemon whose control loop stands."""
    elsewhere = """
        import os, threading
        inside, ever = threading.Event(), threading.Event()
        def look():
            with watch.place("m", "litert-default", "caps"):
                inside.set()
                ever.wait()
        threading.Thread(target=look, daemon=True).start()
        inside.wait()
        os.abort()
    """
    assert run(FINE, then=elsewhere)[0] == -signal.SIGABRT
    watch = CrashWatch(tmp_path, 1)
    assert "Aborted" in watch.stacks
    assert watch.news == ()


@x86_only
def test_a_model_that_dies_of_odd_inputs_is_refused_by_its_trial(prober, bundle_of):
    report = prober.trial(make_trial(bundle_of(crash_above(1000)), "default"))
    assert report.crashed
    assert "given what no plant gives" in report.refused


def test_a_model_that_crashed_is_not_even_tried_again(prober, deadly, tmp_path):
    bundle = parse_bundle(deadly, "bearing.bundle")
    watch = CrashWatch(tmp_path, 1)
    for backend in ("litert-default", "tensorrt"):
        watch.book.add(Crash(bundle.model_sha256, backend, "bearing", "Bus error", 1))
    before = prober.trials
    with pytest.raises(ModelRefused, match="crashed the daemon twice, last on tensorrt"):
        load_network(bundle, BoardFacts(), prober, ProbeMemory(None), int, print, watch)
    assert prober.trials == before


def test_only_the_thread_that_crashed_is_accused():
    assert accused(DUMP, [FIRST, SECOND]) == ("Segmentation fault", [SECOND])


def test_a_crash_in_a_thread_of_the_models_own_accuses_whoever_was_inside():
    dump = DUMP.replace("Current thread", "Thread")
    assert accused(dump, [FIRST, SECOND]) == ("Segmentation fault", [FIRST, SECOND])


@pytest.mark.parametrize("dump", ["", "junk", "Current thread 0x1", "\0" * 99])
def test_without_a_crash_nobody_is_accused(dump):
    assert accused(dump, [FIRST]) == ("", [])


def test_the_book_is_bounded_and_kept_by_the_models_bytes():
    book = CrashBook()
    for number in range(CRASHES_MOST + 5):
        book.add(Crash(f"m{number}", "litert-default", "caps", "Bus error", number))
    assert len(book.crashes) == CRASHES_MOST
    assert book.set_aside("m0") == {}
    assert book.set_aside("m9") == {"litert-default": "Bus error"}
    assert book.refusal("m9") == ""


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff" * 40_000])
def test_damaged_witnesses_are_none(tmp_path, content):
    for name in (RUNNING, STACKS, "models-crashed.json"):
        (tmp_path / name).write_bytes(content)
    watch = CrashWatch(tmp_path, 1)
    assert watch.news == ()
    assert watch.book.crashes == ()


def test_places_are_given_back_and_one_too_many_accuses_nobody(tmp_path):
    watch = CrashWatch(tmp_path, 1)
    held = [watch.place("m", "litert-default", "caps") for _ in range(SLOTS)]
    with watch.place("m", "litert-default", "caps"):
        pass
    del held
    with watch.place("m2", "litert-default", "lids"):
        note = (tmp_path / RUNNING).read_bytes()
    assert b"lids" in note


def test_odd_inputs_reach_both_ends_of_each_type():
    specs = (TensorSpec("a", (1, 4), "int8"), TensorSpec("b", (2,), "float32"))
    rows = list(odd_inputs(specs))
    assert {-128, 127} <= {int(row[0][0, 0]) for row in rows}
    assert any(np.isnan(row[1]).all() for row in rows)
    assert any(np.isinf(row[1]).all() for row in rows)
