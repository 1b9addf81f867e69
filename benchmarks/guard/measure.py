"""Edge in to output out: our guard, a Python thread and a C process, in turn in one run.

    stopwatch (C) --'0'--> guard in the loaded process   --'0'--> stopwatch
                  --'0'--> Python thread in the same one --'0'-->
                  --'0'--> cguard, a process of its own  --'0'-->

One process keeps the time for all three, so its own wake-up is in each figure alike; the edges
alternate, so all three meet the same load. ``python -m benchmarks.guard.measure 3000``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.pressure import Pressure

HERE = Path(__file__).parent
REPO = HERE.parents[1]
PRIORITY = 50  # the guard's default; the C process has the same, the stopwatch ten more
SECONDS_PER_EDGE = 0.5  # far beyond what an edge takes: for a hung run
FIFOS = ("guard.estop", "guard.reset", "guard.out", "python.in", "python.out", "c.in", "c.out")
PEERS = {"guard": "guard", "python": "python_thread", "c": "c_process"}


def build(name: str, folder: Path) -> Path:
    """Compile one of this folder's C programs."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("no C compiler: apt install gcc")
    target = folder / name
    source = str(HERE / f"{name}.c")
    subprocess.run([compiler, "-O2", "-Wall", "-Wextra", source, "-o", str(target)], check=True)
    return target


def summary(took_ns: list[int], scheduling: str) -> dict[str, Any]:
    """Percentiles in microseconds: the value that a share of the edges did not exceed."""
    ordered = sorted(took_ns)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1000

    return {
        "n": len(ordered),
        "p50_us": at(0.5),
        "p99_us": at(0.99),
        "p999_us": at(0.999),
        "max_us": ordered[-1] / 1000,
        "scheduling": scheduling,
    }


def _started(stack: ExitStack, command: list[str]) -> tuple[subprocess.Popen[str], str]:
    """Start a process that lives until its input closes; returns it and its first line."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    process = stack.enter_context(
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPO,
            env=environment,
        )
    )
    stack.callback(process.kill)
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise RuntimeError(f"{command[0]} did not start")
    return process, line


def measure(edges: int, priority: int = PRIORITY) -> dict[str, Any]:
    """Time ``edges`` edges of each peer under load.

    Returns ``guard``, ``python_thread`` and ``c_process``, each with n, p50_us, p99_us, p999_us,
    max_us and how it was scheduled ("fifo" or "other"), and the CPU ``pressure_pct`` of the run,
    which our own load is part of. ``priority`` 0 leaves SCHED_FIFO off for all.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in FIFOS:
            os.mkfifo(folder / name, 0o600)
        stopwatch, cguard = build("stopwatch", folder), build("cguard", folder)
        ends = [str(folder / "c.in"), str(folder / "c.out")]
        _, c_scheduling = _started(stack, [str(cguard), *ends, str(priority)])
        loaded = [sys.executable, "-m", "benchmarks.guard.loaded", str(folder), str(priority)]
        process, guard_scheduling = _started(stack, loaded)
        peers = {
            "guard": ("guard.estop", "guard.out", str(folder / "guard.reset")),
            "python": ("python.in", "python.out", "-"),
            "c": ("c.in", "c.out", "-"),
        }
        words = [str(edges), "1", str(priority + 10 if priority else 0)]
        for name, (into, out, reset) in peers.items():
            words += [name, str(folder / into), str(folder / out), reset]
        pressure = Pressure()
        with pressure:
            ran = subprocess.run(
                [str(stopwatch), *words],
                check=False,
                capture_output=True,
                text=True,
                timeout=30 + edges * SECONDS_PER_EDGE,
            )
        if ran.returncode:
            raise RuntimeError(f"the stopwatch gave up: {ran.stderr.strip()}")
        process.communicate()
    took: dict[str, list[int]] = {name: [] for name in peers}
    for line in ran.stdout.splitlines():
        name, nanoseconds = line.split()
        took[name].append(int(nanoseconds))
    scheduling = {"guard": guard_scheduling, "python": "other", "c": c_scheduling}
    figures: dict[str, Any] = {
        title: summary(took[name], scheduling[name]) for name, title in PEERS.items()
    }
    figures["pressure_pct"] = pressure.pct
    return figures


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), *map(int, sys.argv[2:3])), indent=1))
