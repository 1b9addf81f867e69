"""Reads the board: one profile of everything, and the capabilities that follow from it.

Pure over a `Tree`; an unknown board or a damaged file gives a profile with unknowns, never an
error. Takes some milliseconds: for a worker thread or a command, not for the control loop.

    profile = read_board(Tree())
    capabilities_of(profile).compute_units      # CPU cores + 4 x GPU cores
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from banksman_drivers.board.cpu import count_cores, parse_cpuinfo, parse_meminfo
from banksman_drivers.board.frameworks import read_frameworks
from banksman_drivers.board.hardware import read_accelerators, read_storage
from banksman_drivers.board.identity import identify
from banksman_drivers.board.state import cpu_temperature_c, read_supply, read_temperatures
from banksman_drivers.board.values import BoardProfile, Capabilities
from banksman_drivers.file_tree import Tree, printable
from banksman_drivers.links.observe import read_interfaces

GPU_WEIGHT = 4

_PRETTY = re.compile(r'^PRETTY_NAME="?([^"\n]*)"?$', re.MULTILINE)
_MODE_WATTS = re.compile(r"(?:^|_)([0-9]{1,3})W(?:$|_)")
_RAPL = "sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw"


def read_board(tree: Tree, python_folders: Iterable[str] = ()) -> BoardProfile:
    """Read everything once. ``python_folders``: further site-packages to look for frameworks in."""
    cpu = parse_cpuinfo(tree.text("proc/cpuinfo") or "")
    memory = parse_meminfo(tree.text("proc/meminfo") or "")
    identity = identify(tree, cpu)
    temperatures = read_temperatures(tree)
    supply = read_supply(tree)
    system = _PRETTY.search(tree.text("etc/os-release") or "")
    return BoardProfile(
        family=identity.family,
        model=identity.model,
        soc=identity.soc,
        revision=identity.revision,
        kernel=tree.line("proc/sys/kernel/osrelease"),
        system=printable(system[1]) if system else "",
        l4t=identity.l4t,
        cpu_model=cpu.model,
        cpu_cores=cpu.cores,
        cpus_present=count_cores(tree.text("sys/devices/system/cpu/present") or ""),
        gpu_cores=identity.gpu_cores,
        memory_mib=memory.total_mib,
        memory_free_mib=memory.free_mib,
        memory_installed_mib=identity.memory_installed_mib,
        storage=read_storage(tree),
        accelerators=read_accelerators(tree, identity),
        frameworks=read_frameworks(tree, python_folders),
        interfaces=read_interfaces(tree),
        temperatures=temperatures,
        cpu_temperature_c=cpu_temperature_c(temperatures),
        supply=supply,
        power_rating_w=_power_rating_w(tree, identity.power_w, supply.mode),
    )


def board_name(tree: Tree) -> str:
    """What the board is called, at the cost of a few files; empty when it is not known."""
    return identify(tree, parse_cpuinfo(tree.text("proc/cpuinfo") or "")).model


def capabilities_of(profile: BoardProfile) -> Capabilities:
    """What the fleet may plan with; a part that is unknown makes no number of its own.

    A GPU that is there with unknown cores makes the compute units unknown too: to plan with too
    few would be as wrong as with too many.
    """
    gpu_cores = profile.gpu_cores
    has_gpu = any(each.kind == "nvidia_gpu" for each in profile.accelerators)
    if gpu_cores is None and not has_gpu:
        gpu_cores = 0
    units = None
    if profile.cpu_cores is not None and gpu_cores is not None:
        units = profile.cpu_cores + GPU_WEIGHT * gpu_cores
    sizes = [disk.size_gb for disk in profile.storage if disk.size_gb and disk.kind != "usb"]
    speeds = [each.speed_mbit for each in profile.interfaces if each.up and each.speed_mbit]
    return Capabilities(
        compute_units=units,
        cpu_cores=profile.cpu_cores,
        gpu_cores=gpu_cores,
        memory_mib=profile.memory_mib,
        storage_gb=round(sum(sizes), 1) if sizes else None,
        bandwidth_mbit=max(speeds, default=None),
        acceleration=tuple(dict.fromkeys(each.kind for each in profile.accelerators if each.ready)),
        frameworks=tuple(profile.frameworks),
        power_rating_w=profile.power_rating_w,
    )


def _power_rating_w(tree: Tree, rated_w: float | None, mode: str) -> float | None:
    """A Jetson's power mode says it (``15W``, ``MODE_30W``), else the data sheet, else RAPL."""
    named = _MODE_WATTS.search(mode)
    if named:
        return float(named[1])
    microwatts = tree.number(_RAPL) if rated_w is None else None
    return rated_w if microwatts is None or microwatts <= 0 else microwatts / 1e6
