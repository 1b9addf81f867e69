"""The other end of the serial benches, in a process of its own: writes numbered lines to a pty.

    python -m benchmarks.drivers.serial_writer FD BYTES_PER_S SECONDS

Paced by absolute deadlines, it never waits for the reader: what the line does not take is lost, as
it is in a UART. With 0 bytes/s it writes as fast as the reader takes. Prints what it sent and lost.
"""

from __future__ import annotations

import json
import os
import sys
import time

LINE_BYTES = 20
STEP_S = 0.002
BLOCK_LINES = 50


def line(number: int) -> bytes:
    return b"VALUE %012d\r\n" % number


def paced(fd: int, bytes_per_s: float, seconds: float) -> dict[str, int]:
    """Whole lines only, so that what is lost is a number of lines."""
    os.set_blocking(fd, False)
    began_s = time.monotonic()
    offered = lost = 0
    while (now_s := time.monotonic()) - began_s < seconds:
        due = int((now_s - began_s) * bytes_per_s / LINE_BYTES) - offered
        data = b"".join(line(offered + each) for each in range(due))
        offered += due
        try:
            sent = os.write(fd, data) if data else 0
        except BlockingIOError:
            sent = 0
        lost += len(data) - sent
        time.sleep(STEP_S)
    return {"offered": offered * LINE_BYTES, "lost": lost}


def flooding(fd: int, seconds: float) -> dict[str, int]:
    data = b"".join(line(each) for each in range(BLOCK_LINES))
    began_s = time.monotonic()
    sent = 0
    while time.monotonic() - began_s < seconds:
        at = 0
        while at < len(data):
            at += os.write(fd, data[at:])
        sent += len(data)
    return {"offered": sent, "lost": 0}


if __name__ == "__main__":
    out, pace, span_s = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    print(json.dumps(paced(out, pace, span_s) if pace else flooding(out, span_s)), flush=True)
