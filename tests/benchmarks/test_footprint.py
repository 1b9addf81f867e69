"""READY is heard as systemd hears it; a daemon that never says it is noted and not waited for."""

import sys

import pytest

from benchmarks.footprint import start
from benchmarks.reaction.recipe import PeerMissing, Recipe

SAYS_READY = """
import os, signal, socket
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.connect(os.environ["NOTIFY_SOCKET"])
told.send(b"STATUS=starting")
told.send(b"READY=1\\nSTATUS=armed")
signal.pause()
"""


def python(program):
    return Recipe(command=(sys.executable, "-c", program))


def test_the_start_ends_at_the_ready_datagram(tmp_path):
    started = start(python(SAYS_READY), tmp_path, rest_s=0.1)
    assert started.ready_s > 0
    assert started.rss_mb > 1


def test_a_daemon_that_ends_before_ready_is_told_with_its_last_words(tmp_path):
    with pytest.raises(PeerMissing, match="no rules"):
        start(python("raise SystemExit('no rules')"), tmp_path, rest_s=0.1)
