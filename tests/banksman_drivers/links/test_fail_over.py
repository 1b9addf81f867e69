"""A lost link moves traffic: real interfaces, routes and sockets, in network namespaces.

    box namespace                              world namespace
    wired0 10.203.1.2  ======== veth ========  wired1 10.203.1.1 \\
                                                                  lo 10.203.0.1: tells who it sees
    lte0   10.203.2.2  ======== veth ========  lte1   10.203.2.1 /
    default via .1.1 metric 100, via .2.1 metric 700
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from banksman_drivers.links.bind import LinkUnusable, bind_to, connect_over

WORLD = "10.203.0.1"
TELLS_WHO_IT_SEES = f"""
import socket
server = socket.create_server(("{WORLD}", 0))
print(server.getsockname()[1], flush=True)
while True:
    sock, peer = server.accept()
    with sock:
        sock.sendall(peer[0].encode() + b"\\n")
"""


class Net:
    """Two namespaces, joined by two cables."""

    def __init__(self):
        self.box, self.world = f"bm-box-{os.getpid()}", f"bm-world-{os.getpid()}"
        self.children = []

    def ip(self, words):
        subprocess.run(["ip", *words.split()], check=True, capture_output=True, text=True)

    def lay(self):
        box, world = self.box, self.world
        for name in (box, world):
            self.ip(f"netns add {name}")
            self.ip(f"-n {name} link set lo up")
        for number, wire in enumerate(("wired", "lte"), start=1):
            self.ip(f"-n {box} link add {wire}0 type veth peer name {wire}1 netns {world}")
            self.ip(f"-n {box} addr add 10.203.{number}.2/24 dev {wire}0")
            self.ip(f"-n {world} addr add 10.203.{number}.1/24 dev {wire}1")
            self.ip(f"-n {box} link set {wire}0 up")
            self.ip(f"-n {world} link set {wire}1 up")
        self.ip(f"-n {world} addr add {WORLD}/32 dev lo")
        self.ip(f"-n {box} route add default via 10.203.1.1 metric 100")
        self.ip(f"-n {box} route add default via 10.203.2.1 metric 700")

    def start(self, name, *command):
        child = subprocess.Popen(
            ["ip", "netns", "exec", name, sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.children.append(child)
        return child

    def take_up(self):
        for child in self.children:
            child.kill()
            child.communicate()
        for name in (self.box, self.world):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


class Uplink:
    """The box's side, asked one line at a time."""

    def __init__(self, net):
        port = net.start(net.world, "-c", TELLS_WHO_IT_SEES).stdout.readline().strip()
        script = Path(__file__).parent / "uplink_box.py"
        self._child = net.start(net.box, str(script), WORLD, port)

    def at(self, now_s, what):
        self._child.stdin.write(f"{now_s} {what}\n")
        self._child.stdin.flush()
        return json.loads(self._child.stdout.readline())

    def until_usable(self, now_s, *interfaces):
        """Look again, at the same time, until the kernel has told of the cables."""
        while self.at(now_s, "look")["usable"] != list(interfaces):
            pass


@pytest.fixture
def net():
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    if shutil.which("ip") is None:
        pytest.skip("ip of iproute2 is not here")
    laid = Net()
    try:
        laid.lay()
    except subprocess.CalledProcessError as error:
        laid.take_up()
        pytest.skip(f"no network namespaces with cables here: {error.stderr.strip()}")
    yield laid
    laid.take_up()


@pytest.fixture
def uplink(net):
    return Uplink(net)


def test_a_lost_cable_moves_traffic_and_a_cable_that_is_back_must_hold_first(net, uplink):
    uplink.until_usable(0, "lte0", "wired0")
    # At the very first look only one of them may have been there: give the better one its time.
    before = uplink.at(30, "use")
    assert (before["interface"], before["metered"], before["seen"]) == (
        "wired0",
        False,
        "10.203.1.2",
    )

    net.ip(f"-n {net.world} link set wired1 down")
    uplink.until_usable(100, "lte0")
    after = uplink.at(100, "use")
    assert (after["interface"], after["metered"], after["seen"]) == ("lte0", True, "10.203.2.2")

    net.ip(f"-n {net.world} link set wired1 up")
    uplink.until_usable(200, "lte0", "wired0")
    assert uplink.at(229, "use")["seen"] == "10.203.2.2"
    assert uplink.at(260, "use")["seen"] == "10.203.1.2"


def test_a_bound_socket_leaves_by_its_interface_whatever_the_metric_says(uplink):
    uplink.until_usable(0, "lte0", "wired0")
    assert uplink.at(1, "use -")["seen"] == "10.203.1.2"
    assert uplink.at(2, "use lte0")["seen"] == "10.203.2.2"


def test_binding_to_an_interface_that_is_not_there_says_what_to_do():
    with (
        socket.socket() as sock,
        pytest.raises(LinkUnusable, match=r"nothere0: cannot send over it: .*ip link"),
    ):
        bind_to(sock, "nothere0")


def test_a_connection_that_nobody_takes_raises_and_leaks_no_socket():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        connect_over(None, ("127.0.0.1", port), 5.0)


def test_a_connection_over_no_particular_interface_follows_the_routes():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with connect_over(None, address, 5.0) as sock:
            assert sock.getpeername() == address
