"""What a board is and what it can do, as values for the page, the registry and the planner.

Rules of this file
- None and the empty string mean "not known"; a number is never guessed.
- Everything here becomes JSON by ``msgspec.to_builtins`` as it stands.
- Fields are added with a default and never renamed: other boxes of the fleet speak them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from banksman_drivers.links.values import InterfaceFacts

Family = Literal["raspberry_pi", "jetson", "pc", "unknown"]
StorageKind = Literal["sd_card", "emmc", "nvme", "ssd", "disk", "usb", "other"]


class Storage(msgspec.Struct, frozen=True):
    """A disk or card. ``size_gb`` in 10^9 bytes, as it is sold."""

    device: str
    kind: StorageKind
    size_gb: float | None = None
    model: str = ""


class Accelerator(msgspec.Struct, frozen=True):
    """Something that runs models faster than the CPU.

    ``cores``: CUDA cores of a GPU. ``ready``: its kernel driver has taken it (a USB Edge TPU needs
    none).
    """

    kind: Literal["nvidia_gpu", "edge_tpu", "hailo"]
    name: str
    bus: Literal["soc", "usb", "pcie"]
    ready: bool
    cores: int | None = None


class Temperature(msgspec.Struct, frozen=True):
    """A temperature sensor of the board; None: it does not answer now."""

    name: str
    value_c: float | None


class Supply(msgspec.Struct, frozen=True):
    """The state of the power supply, and what the board does about it.

    ``…_seen``: since the start of the board. ``mode`` is a Jetson's power mode (``15W``).
    """

    undervoltage: bool | None = None
    throttled: bool | None = None
    undervoltage_seen: bool | None = None
    throttled_seen: bool | None = None
    mode: str = ""


class BoardProfile(msgspec.Struct, frozen=True):
    """The board, as it was found. ``cpu_cores`` are those that are on, two threads of
    one counted once; ``cpus_present`` counts threads, and what a power mode has switched off.

    ``memory_mib`` is what Linux may use, ``memory_installed_mib`` what is soldered on.
    ``frameworks``: name -> version (empty where it is not told).
    ``power_rating_w``: what the supply must be able to give at most.
    """

    family: Family = "unknown"
    model: str = ""
    soc: str = ""
    revision: str = ""
    kernel: str = ""
    system: str = ""
    l4t: str = ""
    cpu_model: str = ""
    cpu_cores: int | None = None
    cpus_present: int | None = None
    gpu_cores: int | None = None
    memory_mib: int | None = None
    memory_free_mib: int | None = None
    memory_installed_mib: int | None = None
    storage: tuple[Storage, ...] = ()
    accelerators: tuple[Accelerator, ...] = ()
    frameworks: Mapping[str, str] = {}
    interfaces: tuple[InterfaceFacts, ...] = ()
    temperatures: tuple[Temperature, ...] = ()
    cpu_temperature_c: float | None = None
    supply: Supply = Supply()
    power_rating_w: float | None = None


class Capabilities(msgspec.Struct, frozen=True):
    """What the fleet plans with. ``compute_units`` = CPU cores + 4 x GPU cores."""

    compute_units: int | None = None
    cpu_cores: int | None = None
    gpu_cores: int | None = None
    memory_mib: int | None = None
    storage_gb: float | None = None
    bandwidth_mbit: int | None = None
    acceleration: tuple[str, ...] = ()
    frameworks: tuple[str, ...] = ()
    power_rating_w: float | None = None
