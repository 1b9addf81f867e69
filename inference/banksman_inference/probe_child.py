"""The process that tries models: one fork for each, so that a crash costs nothing but that fork.

    daemon ──socket── this process (runtime imported, one thread) ──fork── one trial, then gone
            Trial →                                                 ├ limits: memory, CPU, no files
            ← Report                                                └ stage lines, then a Report

Started by `probe` as ``python -I -m banksman_inference.probe_child FD``; ends when the socket does.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import socket
import sys
import time
from typing import Literal, NoReturn

import msgspec

from banksman_inference.litert import find_runtime
from banksman_inference.probe_judge import judge, mapped_bytes
from banksman_inference.trial import Report, Trial

HEAD = 8
MESSAGE_BYTES_MAX = 64_000_000
REPORT_BYTES_MAX = 1 << 20
_STAGES = {
    b"load": "loaded", b"run": "run", b"time": "run again", b"odd": "given what no plant gives",
}  # fmt: skip


End = Literal["closed", "late", "flooded"]


def main(descriptor: int) -> None:
    """Serve trials until the socket closes."""
    runtime = find_runtime()
    name = f"{runtime.package} {runtime.version}"
    with socket.socket(fileno=descriptor) as wire:
        while (message := receive(wire)) is not None:
            trial = msgspec.msgpack.decode(message, type=Trial)
            del message
            send(wire, msgspec.msgpack.encode(_fork(trial, name)))


def send(wire: socket.socket, message: bytes) -> None:
    """One message: its length in 8 bytes, then itself."""
    wire.sendall(len(message).to_bytes(HEAD, "big") + message)


def receive(wire: socket.socket) -> bytes | None:
    """The next message; None where the other end has closed. Raises OSError, ValueError."""
    head = _exactly(wire, HEAD)
    if head is None:
        return None
    size = int.from_bytes(head, "big")
    if size > MESSAGE_BYTES_MAX:
        raise ValueError(f"a message of {size} bytes")
    return _exactly(wire, size)


def _exactly(wire: socket.socket, size: int) -> bytes | None:
    got = bytearray()
    while len(got) < size:
        part = wire.recv(min(size - len(got), 1 << 20))
        if not part:
            return None
        got += part
    return bytes(got)


def _fork(trial: Trial, runtime: str) -> Report:
    """Try it in a fork; tell how that ended."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reader)
        _try(trial, writer, runtime)
    os.close(writer)
    told, end = _read(reader, trial.time_s)
    os.close(reader)
    if end != "closed":
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    *stages, last = told.split(b"\n") if told else [b""]
    stage = _STAGES.get(stages[-1] if stages else b"", "started")
    if end == "late":
        return Report(f"it was not done within {trial.time_s:g} s when {stage}", late=True)
    if end == "flooded":
        return Report(f"it sends what no trial sends when {stage}", crashed=True)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return Report(f"it crashes the runtime when {stage} ({name})", crashed=True)
    try:
        return msgspec.json.decode(last, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError):
        code = os.waitstatus_to_exitcode(status)
        return Report(f"it ends the process when {stage} (code {code})", crashed=True)


def _read(reader: int, within_s: float) -> tuple[bytes, End]:
    """What the fork writes until it closes, is late, or has written too much."""
    until_s = time.monotonic() + within_s
    told = bytearray()
    while (left_s := until_s - time.monotonic()) > 0:
        if not select.select([reader], [], [], left_s)[0]:
            break
        part = os.read(reader, 65_536)
        if not part:
            return bytes(told), "closed"
        told += part
        if len(told) > REPORT_BYTES_MAX:
            return bytes(told), "flooded"
    return bytes(told), "late"


def _try(trial: Trial, writer: int, runtime: str) -> NoReturn:
    """In the fork: never returns, whatever the model does."""
    code = 70
    try:
        _limit(trial)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        report = judge(trial, writer, runtime)
        os.write(writer, msgspec.json.encode(report))
        code = 0
    except MemoryError:
        told = Report(f"it needs over {trial.memory_mib} MiB", runtime=runtime)
        os.write(writer, msgspec.json.encode(told))
        code = 0
    finally:
        # No clean-up of what an untrusted model may have left behind.
        os._exit(code)


def _limit(trial: Trial) -> None:
    limits = {
        resource.RLIMIT_AS: mapped_bytes() + (trial.memory_mib << 20),
        resource.RLIMIT_CPU: int(trial.time_s * trial.threads) + 2,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
    }
    for limit, value in limits.items():
        hard = resource.getrlimit(limit)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (most, most))
    with contextlib.suppress(OSError):
        os.nice(5)
        # Where the box runs out of memory all the same, this process goes, not the daemon.
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
            file.write("1000")


if __name__ == "__main__":
    main(int(sys.argv[1]))
