"""``python -m banksman.demo.leash PARENT_PID become|stay COMMAND…``: COMMAND ends with the parent.

The kernel is asked to send SIGTERM to this process when its parent dies (prctl(2),
PR_SET_PDEATHSIG; it survives exec), so that not even a killed demo leaves orphans. The parent
may already have died before that call, so its pid is compared after it.

    become    exec COMMAND: no process in between
    stay      run COMMAND and hand SIGTERM on. For programs that change their user, such as a
              mosquitto that root starts: the kernel unties the leash at that change
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie the leash and run the command; ends by itself when the parent is gone already."""
    parent, manner, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if manner == "stay":
        _stay(parent, command)
    _tie(parent)
    os.execvp(command[0], command)  # noqa: S606  the demo's own command, no shell


def _tie(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        sys.exit(f"leash: prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("leash: the demo has ended")


def _stay(parent: int, command: Sequence[str]) -> None:
    children: list[subprocess.Popen[bytes]] = []
    asked = False

    def end(_number: int, _frame: object) -> None:
        nonlocal asked
        asked = True
        for child in children:
            child.terminate()

    signal.signal(signal.SIGTERM, end)
    _tie(parent)
    child = subprocess.Popen(command)  # noqa: S603  the demo's own command, no shell
    children.append(child)
    if asked:  # it came while the child was being made
        child.terminate()
    status = child.wait()
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
