"""The other end of the serial benches, in a process of its own: writes numbered lines to a pty.

    python -m benchmarks.drivers.serial_writer FD BYTES_PER_S SECONDS

It stands for the wire and the kernel's side of a UART. The wire never waits for the reader. What a
pty does not take (it holds 12 kB) is kept as Linux keeps it for a UART (tty_buffer.c), here 64 KiB;
beyond that it is lost. If the writer itself was held up, the wire goes on from there, but for the
16 ms that a USB adapter may collect. With 0 bytes/s it writes as fast as the reader takes. Prints
what it sent, what it lost and how much was kept at most.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time

LINE_BYTES = 20
STEP_S = 0.002
KEPT_MAX_BYTES = 65_536
DRAIN_S = 2.0
BURST_S = 0.016  # the latency timer of common USB adapters
BLOCK_LINES = 50


def line(number: int) -> bytes:
    return b"VALUE %012d\r\n" % number


def paced(fd: int, bytes_per_s: float, seconds: float) -> dict[str, int]:
    os.set_blocking(fd, False)
    end_s = time.monotonic() + seconds
    line_s = LINE_BYTES / bytes_per_s
    sent_s = time.monotonic()  # up to here the wire has carried its bytes
    kept = bytearray()
    offered = lost = deepest = 0
    while (now_s := time.monotonic()) < end_s or (kept and now_s < end_s + DRAIN_S):
        sent_s = max(sent_s, now_s - BURST_S)
        due = int((now_s - sent_s) / line_s) if now_s < end_s else 0
        sent_s += due * line_s
        fits = min(due, (KEPT_MAX_BYTES - len(kept)) // LINE_BYTES)
        kept += b"".join(line(offered + each) for each in range(fits))
        offered += due
        lost += due - fits
        with contextlib.suppress(BlockingIOError):
            del kept[: os.write(fd, kept)]
        deepest = max(deepest, len(kept))
        time.sleep(STEP_S)
    return {"offered": offered * LINE_BYTES, "lost": lost * LINE_BYTES, "deepest": deepest}


def flooding(fd: int, seconds: float) -> dict[str, int]:
    data = b"".join(line(each) for each in range(BLOCK_LINES))
    began_s = time.monotonic()
    sent = 0
    while time.monotonic() - began_s < seconds:
        at = 0
        while at < len(data):
            at += os.write(fd, data[at:])
        sent += len(data)
    return {"offered": sent, "lost": 0, "deepest": 0}


if __name__ == "__main__":
    out, pace, span_s = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    print(json.dumps(paced(out, pace, span_s) if pace else flooding(out, span_s)), flush=True)
