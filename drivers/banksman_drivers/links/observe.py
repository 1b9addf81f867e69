"""Sees the network interfaces as the kernel shows them: /sys/class/net and the routing tables.

Rules of this file
- Only interfaces that lead out of the box: no loopback, bridge, virtual switch or tunnel that
  rides on another one. A virtual pair counts as Ethernet, so that a container sees its own.
- ``operstate`` "unknown" is up when there is a carrier: modems and PPP never say "up".
- Never raises; at most 32 interfaces and the first 256 KiB of each table.

    /proc/net/route       Iface Destination Gateway Flags RefCnt Use Metric Mask …
                          (in hex, but Metric in decimal)
    /proc/net/ipv6_route  destination plen source plen next-hop metric refs use flags Iface
                          (all in hex)
"""

from __future__ import annotations

from banksman_drivers.file_tree import Tree, integer
from banksman_drivers.links.values import InterfaceFacts, Kind

INTERFACES = 32

_UP = 0x1  # RTF_UP, linux/route.h
_REJECT = 0x200  # RTF_REJECT: an unreachable default is no way out
# ARPHRD_… of linux/if_arp.h
_ETHER = 1
_PPP = 512
_RAW_IP = 519
_NONE = 65534
_NOT_OUTWARD = frozenset({"bridge", "vlan", "bond", "wireguard", "vxlan", "macvlan", "gre"})
_MODEM_DRIVERS = frozenset({"qmi_wwan", "cdc_mbim", "cdc_ncm_wwan", "huawei_cdc_ncm", "sierra_net"})
_VIRTUAL_NAMES = ("docker", "br-", "virbr", "ifb", "dummy", "tun", "tap", "wg", "sit", "ip6tnl")


def read_interfaces(tree: Tree) -> tuple[InterfaceFacts, ...]:
    """Every interface that leads out, by name."""
    metrics = default_routes(
        tree.text("proc/net/route") or "", tree.text("proc/net/ipv6_route") or ""
    )
    found = []
    for name in tree.names("sys/class/net"):
        facts = _read(tree, name, metrics)
        if facts is not None:
            found.append(facts)
    return tuple(found[:INTERFACES])


def default_routes(ipv4: str, ipv6: str) -> dict[str, int]:
    """Interface -> lowest metric of the default routes that lead through it."""
    metrics: dict[str, int] = {}

    def note(name: str, metric: int | None, flags: int | None) -> None:
        if metric is None or metric < 0 or flags is None:
            return
        if flags & _UP and not flags & _REJECT:
            metrics[name] = min(metric, metrics.get(name, metric))

    for line in ipv4.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 8 and fields[1] == fields[7] == "00000000":
            note(fields[0], integer(fields[6]), _hexadecimal(fields[3]))
    for line in ipv6.splitlines():
        fields = line.split()
        if len(fields) == 10 and fields[0] == "0" * 32 and fields[1] == "00" and fields[9] != "lo":
            note(fields[9], _hexadecimal(fields[5]), _hexadecimal(fields[8]))
    return metrics


def _read(tree: Tree, name: str, metrics: dict[str, int]) -> InterfaceFacts | None:
    place = f"sys/class/net/{name}"
    driver = tree.uevent(f"{place}/device", "DRIVER")
    kind = _kind(tree, place, name, driver)
    if kind is None:
        return None
    state = tree.line(f"{place}/operstate")
    up = state == "up" or (state == "unknown" and tree.number(f"{place}/carrier") == 1)
    speed = tree.number(f"{place}/speed")
    return InterfaceFacts(
        name=name,
        kind=kind,
        up=up,
        routed=name in metrics,
        metric=metrics.get(name),
        speed_mbit=speed if speed is not None and speed > 0 else None,
        driver=driver,
    )


def _kind(tree: Tree, place: str, name: str, driver: str) -> Kind | None:
    """What it is; None: it is none of ours."""
    hardware = tree.number(f"{place}/type")
    devtype = tree.uevent(place, "DEVTYPE")
    if hardware is None or name.startswith(_VIRTUAL_NAMES) or devtype in _NOT_OUTWARD:
        return None
    if devtype == "wwan" or driver in _MODEM_DRIVERS or hardware in (_PPP, _RAW_IP):
        return "modem"
    if devtype == "wlan" or tree.has(f"{place}/wireless") or tree.has(f"{place}/phy80211"):
        return "wifi"
    if hardware == _NONE:
        return "other" if tree.has(f"{place}/device") else None
    return "ethernet" if hardware == _ETHER else None


def _hexadecimal(text: str) -> int | None:
    """A whole number in up to 8 hex digits, or None."""
    if not 1 <= len(text) <= 8 or not all(c in "0123456789abcdefABCDEF" for c in text):
        return None
    return int(text, 16)
