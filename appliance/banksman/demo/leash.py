"""``python -m banksman.demo.leash PARENT_PID COMMAND…``: become COMMAND, and end with the parent.

The kernel is asked to send SIGTERM to this process when its parent dies (prctl(2),
PR_SET_PDEATHSIG; it survives exec), so that not even a killed demo leaves orphans. The parent
may already have died before that call, so its pid is compared after it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie the leash and exec; ends by itself when the parent is gone already."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        sys.exit(f"leash: prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("leash: the demo has ended")
    os.execvp(command[0], command)  # noqa: S606  the demo's own command, no shell


if __name__ == "__main__":
    main()
