"""A link of the kernel's own between this machine and a network namespace: rate, loss, outage.

    here ── vethNNNNa ═══ vethNNNNb ── namespace (the endpoint listens there)
            tbf: rate                  nft: every so many packets lost

Rules of this file
- It needs root and the tools `ip`, `tc`; without them `why_not` says so, tests skip with that
  reason, and the run's last line tells it (`summary`). Loss needs `nft` besides.
- The kernels we test on have no netem (CONFIG_NET_SCH_NETEM is not set; `tc qdisc add … netem` says
  "qdisc kind is unknown"), so the delay of these tests is not the kernel's:
  benchmarks/sync/relay.py makes it in user space.
- Names and addresses are the process's own, so that runs beside each other do not meet.
- A socket belongs to the namespace in which it was made, whichever thread uses it later.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

CLONE_NEWNET = 0x40000000
TOOLS = ("ip", "tc", "nft")


def run(*words: str, check: bool = True) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    if check and done.returncode:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def privileged() -> bool:
    """Whether this process may make interfaces and namespaces (capabilities(7), bits 12 and 21)."""
    status = Path("/proc/self/status").read_text()
    held = int(status.partition("CapEff:")[2].split()[0], 16)
    return all(held >> bit & 1 for bit in (12, 21))


def summary() -> str:
    """What of a link is made by whom in this run, for its last lines."""
    reason = why_not()
    if reason:
        return f"NOT RUN, {reason}. Only delay and outage of the relay (user space) were tested"
    lost = "nft" if shutil.which("nft") else "NOT RUN, nft is not installed"
    return (
        f"rate by the kernel (tbf), outage by the kernel (veth), loss: {lost}, delay by the relay"
    )


@functools.cache
def why_not() -> str:
    """Why there can be no shaped link here; empty if there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "tc") if shutil.which(tool) is None]
    if missing:
        return f"{' and '.join(missing)} not installed (apt install iproute2)"
    name = f"bmtry{os.getpid()}"
    try:
        run("ip", "netns", "add", name)
        run("ip", "link", "add", name[:13] + "a", "type", "veth", "peer", "name", name[:13] + "b")
        run("tc", "qdisc", "add", "dev", name[:13] + "a", "root", "tbf", "rate", "1mbit",
            "burst", "16k", "latency", "100ms")  # fmt: skip
    except OSError as error:
        return f"this kernel does not let us: {error}"
    finally:
        run("ip", "link", "del", name[:13] + "a", check=False)
        run("ip", "netns", "del", name, check=False)
    return ""


class ShapedLink:
    """``with ShapedLink(mbit=1) as link``; ``link.listen()`` is a socket at its far end."""

    def __init__(self, mbit: float) -> None:
        self._mbit = mbit
        number = os.getpid() % 16_384
        self._space = f"bm{os.getpid()}"
        self._near, self._far = f"bm{os.getpid()}a", f"bm{os.getpid()}b"
        net = f"10.{200 + number // 256 % 50}.{number % 256}"
        self.near, self.address = f"{net}.1", f"{net}.2"

    def __enter__(self) -> ShapedLink:
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        run("ip", "link", "del", self._near, check=False)
        run("ip", "netns", "del", self._space, check=False)

    def _make(self) -> None:
        run("ip", "netns", "add", self._space)
        run("ip", "link", "add", self._near, "type", "veth", "peer", "name", self._far)
        run("ip", "link", "set", self._far, "netns", self._space)
        run("ip", "addr", "add", f"{self.near}/30", "dev", self._near)
        self._inside("ip", "addr", "add", f"{self.address}/30", "dev", self._far)
        run("ip", "link", "set", self._near, "up")
        self._inside("ip", "link", "set", "lo", "up")
        self._inside("ip", "link", "set", self._far, "up")
        rate = ("rate", f"{round(self._mbit * 1e6)}bit", "burst", "16k", "latency", "200ms")
        run("tc", "qdisc", "add", "dev", self._near, "root", "tbf", *rate)
        self._inside("tc", "qdisc", "add", "dev", self._far, "root", "tbf", *rate)

    def down(self) -> None:
        """The far end's cable is out: packets vanish, nobody says why."""
        self._inside("ip", "link", "set", self._far, "down")

    def up(self) -> None:
        """It is in again."""
        self._inside("ip", "link", "set", self._far, "up")

    def lose(self, percent: int) -> None:
        """So many packets in a hundred that come to the far end are lost. Raises OSError."""
        self._inside("nft", "add", "table", "inet", "bm")
        self._inside("nft", "add", "chain", "inet", "bm", "in",
                     "{ type filter hook input priority 0 ; }")  # fmt: skip
        self._inside("nft", "add", "rule", "inet", "bm", "in", "numgen", "random", "mod", "100",
                     "<", str(percent), "drop")  # fmt: skip

    def passed(self) -> int:
        """Bytes that have left here over it."""
        place = Path("/sys/class/net") / self._near / "statistics/tx_bytes"
        return int(place.read_text())

    def listen(self) -> socket.socket:
        """A socket bound at the far end, not yet listening."""
        found: list[socket.socket | OSError] = []

        def inside() -> None:
            try:
                _enter(self._space)
                sock = socket.socket()
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((self.address, 8443))
                sock.setblocking(False)
                found.append(sock)
            except OSError as error:
                found.append(error)

        # A thread of its own, which ends with its namespace: this one stays where it is.
        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        (made,) = found
        if isinstance(made, OSError):
            raise made
        return made

    def _inside(self, *words: str) -> str:
        return run("ip", "netns", "exec", self._space, *words)


def _enter(space: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/run/netns", space).open("rb") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
