"""Which board this is, from the device tree, the revision code, the DMI table and L4T's files.

| asked in this order | tells |
|---|---|
| device tree ``model`` and ``compatible`` | Raspberry Pi and Jetson, with the Jetson's module |
| the tail of /proc/cpuinfo | a Raspberry Pi whose kernel has no device tree |
| DMI ``sys_vendor`` and ``product_name``, then the mainboard's | PCs |

Sources: Raspberry Pi documentation, "Revision codes" (new-style bits
``NOQuuuWuFMMMCCCCPPPPTTTTTTTTRRRR``) and "Typical power requirements"; NVIDIA's data sheets of
the modules, and the part numbers of its Jetson Linux Developer Guide, "Jetson Modules and
Configurations".
"""

from __future__ import annotations

import re

import msgspec

from banksman_drivers.board.cpu import Cpu
from banksman_drivers.board.values import Family
from banksman_drivers.file_tree import Tree, printable

# The two names of the same tree; the first is a link that leads out of a foreign root.
_DEVICE_TREES = ("proc/device-tree", "sys/firmware/devicetree/base")

_PLACEHOLDERS = frozenset(
    {
        "to be filled by o.e.m.",
        "default string",
        "system manufacturer",
        "system product name",
        "not specified",
        "none",
        "o.e.m.",
    }
)

# Type field of a revision code -> name.
_PI_TYPES = {
    0x04: "Raspberry Pi 2 Model B",
    0x08: "Raspberry Pi 3 Model B",
    0x0D: "Raspberry Pi 3 Model B Plus",
    0x0E: "Raspberry Pi 3 Model A Plus",
    0x11: "Raspberry Pi 4 Model B",
    0x12: "Raspberry Pi Zero 2 W",
    0x13: "Raspberry Pi 400",
    0x14: "Raspberry Pi Compute Module 4",
    0x17: "Raspberry Pi 5 Model B",
    0x18: "Raspberry Pi Compute Module 5",
    0x19: "Raspberry Pi 500",
}

# What the recommended supply gives at 5 V (the Pi 5's at 5.1 V), in watts.
_PI_SUPPLY_W = (
    (re.compile(r"^Raspberry Pi (5|500)\b"), 25.5),
    (re.compile(r"^Raspberry Pi (4\b|400\b)"), 15.0),
    (re.compile(r"^Raspberry Pi 3\b"), 12.5),
    (re.compile(r"^Raspberry Pi Zero 2\b"), 10.0),
)


class Module(msgspec.Struct, frozen=True):
    """A Jetson module: its CUDA cores and the most power that its data sheet lets it take."""

    name: str
    gpu_cores: int
    power_w: float


_MODULES = {
    "p3767-0000": Module("Jetson Orin NX 16GB", 1024, 25),
    "p3767-0001": Module("Jetson Orin NX 8GB", 1024, 20),
    "p3767-0003": Module("Jetson Orin Nano 8GB", 1024, 15),
    "p3767-0004": Module("Jetson Orin Nano 4GB", 512, 10),
    "p3767-0005": Module("Jetson Orin Nano 8GB (developer kit)", 1024, 15),
    "p3701-0000": Module("Jetson AGX Orin 32GB (developer kit)", 2048, 60),
    "p3701-0004": Module("Jetson AGX Orin 32GB", 1792, 40),
    "p3701-0005": Module("Jetson AGX Orin 64GB", 2048, 60),
    "p3668-0000": Module("Jetson Xavier NX (developer kit)", 384, 20),
    "p3668-0001": Module("Jetson Xavier NX", 384, 20),
    "p2888-0001": Module("Jetson AGX Xavier 16GB", 512, 30),
    "p2888-0004": Module("Jetson AGX Xavier 32GB", 512, 30),
    "p3310-1000": Module("Jetson TX2", 256, 15),
    "p3448-0000": Module("Jetson Nano (developer kit)", 128, 10),
    "p3448-0002": Module("Jetson Nano", 128, 10),
}
_MODULE = re.compile(r"p[0-9]{4}-[0-9]{4}")
_SUPER_W = 25.0  # the "super" modes of Orin Nano 8GB (Jetson Linux 36.4.3)

_RELEASE = re.compile(r"R([0-9]+) \(release\), REVISION: ([0-9.]+)")


class Identity(msgspec.Struct, frozen=True):
    """Who the board is. ``gpu_cores`` and ``power_w``: what its data sheet says."""

    family: Family = "unknown"
    model: str = ""
    soc: str = ""
    revision: str = ""
    memory_installed_mib: int | None = None
    gpu_cores: int | None = None
    gpu_name: str = ""
    power_w: float | None = None
    l4t: str = ""


def identify(tree: Tree, cpu: Cpu) -> Identity:
    """Find out. Never raises; what is not known stays so."""
    model = compatible = ""
    for base in _DEVICE_TREES:
        model = model or tree.line(f"{base}/model")
        compatible = compatible or tree.text(f"{base}/compatible") or ""
    words = [printable(word) for word in compatible.split("\0") if word.strip()]
    l4t = _l4t(tree)
    if l4t or any(word.startswith("nvidia,") for word in words):
        return _jetson(model, words, l4t)
    model = model or cpu.board
    pi = _pi(cpu.revision)
    if model.startswith("Raspberry Pi") or pi is not None:
        name = model or (pi[0] if pi else "")
        return Identity(
            family="raspberry_pi",
            model=name,
            soc=_soc(words),
            revision=cpu.revision,
            memory_installed_mib=pi[1] if pi else None,
            gpu_cores=0,  # its VideoCore runs no model of ours
            power_w=next((watts for like, watts in _PI_SUPPLY_W if like.match(name)), None),
        )
    if model:
        return Identity(model=model, soc=_soc(words))
    return Identity(family="pc" if cpu.x86 else "unknown", model=_dmi(tree))


def decode_revision(code: str) -> tuple[str, int] | None:
    """Name and MiB of memory that a new-style revision code tells; None for any other."""
    return _pi(code)


def _pi(code: str) -> tuple[str, int] | None:
    if not re.fullmatch(r"[0-9a-fA-F]{5,8}", code):
        return None
    bits = int(code, 16)
    name = _PI_TYPES.get(bits >> 4 & 0xFF)
    if not bits >> 23 & 1 or name is None:
        return None
    return name, 256 << (bits >> 20 & 7)


def _jetson(model: str, words: list[str], l4t: str) -> Identity:
    numbers = (number for word in words for number in _MODULE.findall(word))
    module = next((_MODULES[number] for number in numbers if number in _MODULES), None)
    power_w = None if module is None else module.power_w
    if module is not None and "Nano 8GB" in module.name and any("-super" in w for w in words):
        power_w = _SUPER_W
    return Identity(
        family="jetson",
        model=model or (module.name if module else ""),
        soc=_soc(words),
        gpu_cores=None if module is None else module.gpu_cores,
        gpu_name="" if module is None else module.name,
        power_w=power_w,
        l4t=l4t,
    )


def _l4t(tree: Tree) -> str:
    """``36.4.3`` of ``# R36 (release), REVISION: 4.3, GCID: …``."""
    found = _RELEASE.search(tree.line("etc/nv_tegra_release"))
    return f"{found[1]}.{found[2]}" if found else ""


def _soc(words: list[str]) -> str:
    """The last compatible name is the most general one: the chip (``brcm,bcm2712``)."""
    chips = [word.partition(",")[2] for word in words if re.fullmatch(r"[a-z]+,[a-z]+\d+x?", word)]
    return chips[0] if chips else ""


def _dmi(tree: Tree) -> str:
    for vendor, name in (("sys_vendor", "product_name"), ("board_vendor", "board_name")):
        product = tree.line(f"sys/class/dmi/id/{name}")
        if product and product.lower() not in _PLACEHOLDERS:
            maker = tree.line(f"sys/class/dmi/id/{vendor}")
            return product if maker.lower() in _PLACEHOLDERS else f"{maker} {product}".strip()
    return ""
