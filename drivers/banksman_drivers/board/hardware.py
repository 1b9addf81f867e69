"""Disks and accelerators that the kernel has found, from /sys/block and the USB and PCI buses.

| device | seen as | source |
|---|---|---|
| Coral USB | 1a6e:089a before its firmware is loaded, 18d1:9302 after | coral.ai, "Get started" |
| Coral PCIe, M.2 | 1ac1:089a; ready: bound to ``apex`` | google/gasket-driver |
| Hailo | 1e60, any device; ready: bound to ``hailo…`` | hailo-ai/hailort-drivers |
| NVIDIA card | 10de, class 03xx; ready: ``nvidia`` or ``nouveau`` | PCI ID database |
"""

from __future__ import annotations

import re

from banksman_drivers.board.identity import Identity
from banksman_drivers.board.values import Accelerator, Storage, StorageKind
from banksman_drivers.file_tree import Tree

SECTOR_BYTES = 512  # /sys/block/*/size counts these whatever the disk's own sector size

_DISKS = re.compile(r"(mmcblk[0-9]+|nvme[0-9]+n[0-9]+|[sv]d[a-z]+|xvd[a-z]+)")
_CORAL_USB = frozenset({("1a6e", "089a"), ("18d1", "9302")})
_CORAL_PCI = ("0x1ac1", "0x089a")
_HAILO_PCI = "0x1e60"
_HAILO_NAMES = {
    "0x2864": "Hailo-8",
    "0x43a2": "Hailo-8L",
    "0x26a2": "Hailo-10H",
    "0x45c4": "Hailo-15",
}
_NVIDIA_PCI = "0x10de"


def read_storage(tree: Tree) -> tuple[Storage, ...]:
    """The disks and cards, largest first; no partitions, loop devices or memory disks."""
    found = []
    for name in tree.names("sys/block"):
        if not _DISKS.fullmatch(name):
            continue
        sectors = tree.number(f"sys/block/{name}/size")
        if sectors is not None and sectors <= 0:
            continue  # an empty card reader
        size_gb = None if sectors is None else round(sectors * SECTOR_BYTES / 1e9, 1)
        model = tree.line(f"sys/block/{name}/device/model")
        model = model or tree.line(f"sys/block/{name}/device/name")
        found.append(Storage(name, _kind(tree, name), size_gb, model))
    return tuple(sorted(found, key=lambda disk: -(disk.size_gb or 0.0)))


def _kind(tree: Tree, name: str) -> StorageKind:
    if name.startswith("nvme"):
        return "nvme"
    if name.startswith("mmcblk"):
        return "emmc" if tree.line(f"sys/block/{name}/device/type") == "MMC" else "sd_card"
    if tree.line(f"sys/block/{name}/removable") == "1":
        return "usb"
    spins = tree.number(f"sys/block/{name}/queue/rotational")
    if spins is None or not name.startswith("sd"):
        return "other"
    return "disk" if spins else "ssd"


def read_accelerators(tree: Tree, identity: Identity) -> tuple[Accelerator, ...]:
    """The GPU of a Jetson, Edge TPUs, Hailos and NVIDIA cards, in that order of buses."""
    found: list[Accelerator] = []
    if identity.family == "jetson":
        name = identity.gpu_name or "GPU of an unknown module"
        ready = any(tree.has(path) for path in ("dev/nvhost-gpu", "dev/nvgpu", "dev/nvidia0"))
        found.append(Accelerator("nvidia_gpu", name, "soc", ready, identity.gpu_cores))
    for device in tree.names("sys/bus/usb/devices"):
        place = f"sys/bus/usb/devices/{device}"
        if (tree.line(f"{place}/idVendor"), tree.line(f"{place}/idProduct")) in _CORAL_USB:
            found.append(Accelerator("edge_tpu", "Coral USB Accelerator", "usb", ready=True))
    for device in tree.names("sys/bus/pci/devices"):
        seen = _on_pci(tree, f"sys/bus/pci/devices/{device}")
        if seen is not None:
            found.append(seen)
    return tuple(found)


def _on_pci(tree: Tree, place: str) -> Accelerator | None:
    vendor, device = tree.line(f"{place}/vendor"), tree.line(f"{place}/device")
    driver = tree.uevent(place, "DRIVER")
    if (vendor, device) == _CORAL_PCI:
        return Accelerator("edge_tpu", "Coral PCIe Accelerator", "pcie", driver == "apex")
    if vendor == _HAILO_PCI:
        name = _HAILO_NAMES.get(device, "Hailo")
        return Accelerator("hailo", name, "pcie", driver.startswith("hailo"))
    if vendor == _NVIDIA_PCI and tree.line(f"{place}/class").startswith("0x03"):
        return Accelerator("nvidia_gpu", "NVIDIA card", "pcie", driver in ("nvidia", "nouveau"))
    return None
