"""`banksman board`: what this box is, what it can do, and how its supply and links stand."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from banksman.commands.options import Subparsers

if TYPE_CHECKING:
    from banksman_drivers.board.values import BoardProfile, Capabilities


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "board",
        help="show the board: cores, memory, accelerators, supply, links",
        description="Reads /proc, /sys and the device tree; asks no daemon and changes nothing. "
        "What the board does not tell is shown as unknown.",
        epilog="example: banksman board --json",
    )
    parser.add_argument(
        "--root",
        type=Path,
        default=Path("/"),
        metavar="DIR",
        help="read a capture of another box: a folder with proc, sys and etc",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the profile and the capabilities; 1 when the folder is none."""
    import sys
    import sysconfig

    import msgspec

    from banksman_drivers.board.read import capabilities_of, read_board
    from banksman_drivers.file_tree import Tree

    root: Path = arguments.root
    if not root.is_dir():
        print(f"banksman: {root} is no folder; name one that holds proc and sys", file=sys.stderr)
        return 1
    ours = (sysconfig.get_path("purelib"),) if root == Path("/") else ()
    profile = read_board(Tree(root), ours)
    capabilities = capabilities_of(profile)
    if arguments.json:
        shown = {"profile": profile, "capabilities": capabilities}
        print(msgspec.json.format(msgspec.json.encode(shown)).decode())
    else:
        print("\n".join(lines(profile, capabilities)))
    return 0


def lines(profile: BoardProfile, capabilities: Capabilities) -> list[str]:
    """The profile for people, one fact a line."""
    cores = f"{_or(profile.cpu_cores)} cores"
    if profile.cpus_present not in (None, profile.cpu_cores):
        cores += f" ({profile.cpus_present} CPUs present)"
    memory = _with(profile.memory_mib, "MiB")
    if profile.memory_installed_mib is not None:
        memory = f"{memory} of {profile.memory_installed_mib} MiB installed"
    supply = profile.supply
    out = [
        f"board         {profile.model or 'unknown'} ({profile.family})",
        f"system        {' '.join(filter(None, (profile.system, profile.kernel))) or 'unknown'}",
        f"cpu           {profile.cpu_model or 'unknown'}, {cores}",
        f"memory        {memory}",
        f"temperature   {_with(profile.cpu_temperature_c, 'degC')}",
        f"under-voltage {_flag(supply.undervoltage)}, slowed down {_flag(supply.throttled)}",
        f"power rating  {_with(profile.power_rating_w, 'W')}",
    ]
    if profile.l4t:
        out.insert(2, f"L4T           {profile.l4t}, power mode {supply.mode or 'unknown'}")
    out += [
        f"storage       {disk.device} {disk.kind} {_with(disk.size_gb, 'GB')} {disk.model}".rstrip()
        for disk in profile.storage
    ]
    for each in profile.accelerators:
        much = f", {each.cores} cores" if each.cores is not None else ""
        ready = "ready" if each.ready else "no driver has taken it"
        out.append(f"accelerator   {each.name} ({each.bus}){much}, {ready}")
    out += [
        f"framework     {name} {version}".rstrip() for name, version in profile.frameworks.items()
    ]
    for link in profile.interfaces:
        speed = f", {link.speed_mbit} Mbit/s" if link.speed_mbit is not None else ""
        state = "up" if link.up else "down"
        route = f", default route metric {link.metric}" if link.routed else ""
        out.append(f"interface     {link.name} {link.kind}, {state}{speed}{route}")
    out.append(f"compute units {_or(capabilities.compute_units)}")
    return out


def _or(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"


def _with(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:g} {unit}"


def _flag(value: bool | None) -> str:
    return "unknown" if value is None else ("YES" if value else "no")
