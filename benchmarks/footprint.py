"""How soon a daemon says READY, as systemd would hear it, and what it weighs then."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path

import msgspec

from benchmarks.reaction.peer import Peer
from benchmarks.reaction.phases import largest_rss_mb
from benchmarks.reaction.recipe import PeerMissing, Recipe

READY_MAX_S = 60.0
LOOK_S = 0.5


class Started(msgspec.Struct, frozen=True):
    """``ready_s`` from exec to the READY datagram; ``rss_mb`` after ``rest_s`` of running."""

    ready_s: float
    rss_mb: float


def start(recipe: Recipe, folder: Path, rest_s: float) -> Started:
    """Start it once under a notify socket of our own. Raises PeerMissing if READY never comes."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(path))
        environ = {**recipe.environ, "NOTIFY_SOCKET": str(path)}
        told = msgspec.structs.replace(recipe, environ=environ)
        try:
            with Peer(told, folder / "daemon.log") as peer:
                ready_s = _ready(heard, peer)
                rss_mb = largest_rss_mb(peer, rest_s)
        finally:
            path.unlink()
    return Started(ready_s, rss_mb)


def _ready(heard: socket.socket, peer: Peer) -> float:
    heard.settimeout(LOOK_S)
    while peer.alive and time.monotonic() - peer.started_s < READY_MAX_S:
        with contextlib.suppress(TimeoutError):
            if b"READY=1" in heard.recv(4096).split(b"\n"):
                return time.monotonic() - peer.started_s
    raise PeerMissing(f"it did not say READY: {peer.tail()}")
