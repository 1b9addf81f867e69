"""CPU and memory out of the texts of /proc/cpuinfo and /proc/meminfo. Pure.

    processor       : 0                 processor       : 0
    BogoMIPS        : 108.00            vendor_id       : GenuineIntel
    CPU implementer : 0x41              model name      : 11th Gen Intel(R) Core(TM) i7-11800H
    CPU part        : 0xd0b             physical id     : 0
    …                                   core id         : 0
    Revision        : d04170            …
    Model           : Raspberry Pi 5    (x86: no tail)

A core with two threads counts once: both share its arithmetic units.
"""

from __future__ import annotations

import msgspec

from banksman_drivers.file_tree import integer, printable

# MIDR_EL1 implementer and part -> core (Arm Technical Reference Manuals, "Main ID Register").
_PARTS = {
    ("0x41", "0xb76"): "ARM1176",
    ("0x41", "0xc07"): "Cortex-A7",
    ("0x41", "0xd03"): "Cortex-A53",
    ("0x41", "0xd04"): "Cortex-A35",
    ("0x41", "0xd05"): "Cortex-A55",
    ("0x41", "0xd07"): "Cortex-A57",
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd0a"): "Cortex-A75",
    ("0x41", "0xd0b"): "Cortex-A76",
    ("0x41", "0xd41"): "Cortex-A78",
    ("0x41", "0xd42"): "Cortex-A78AE",
    ("0x4e", "0x003"): "Denver 2",
    ("0x4e", "0x004"): "Carmel",
}


class Cpu(msgspec.Struct, frozen=True):
    """``revision`` and ``board`` stand in the tail that a Raspberry Pi adds."""

    model: str = ""
    cores: int | None = None
    x86: bool = False
    revision: str = ""
    board: str = ""


class Memory(msgspec.Struct, frozen=True):
    """In MiB; ``free``: what programs may still have (MemAvailable)."""

    total_mib: int | None = None
    free_mib: int | None = None


def parse_cpuinfo(text: str) -> Cpu:
    """What /proc/cpuinfo tells; unknown where it does not."""
    processors: list[dict[str, str]] = []
    tail: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        key, value = key.strip(), value.strip()
        if not colon:
            continue
        # "Processor" with a capital is a title line of old kernels, no processor.
        if key == "processor" and integer(value) is not None:
            processors.append({})
        elif key in ("Revision", "Model"):
            tail[key] = printable(value)
        elif processors:
            processors[-1].setdefault(key, value)
    if not processors:
        return Cpu(revision=tail.get("Revision", ""), board=tail.get("Model", ""))
    places = {
        (each.get("physical id"), each.get("core id")) if "core id" in each else (None, str(number))
        for number, each in enumerate(processors)
    }
    return Cpu(
        model=_model(processors),
        cores=len(places),
        x86="vendor_id" in processors[0],
        revision=tail.get("Revision", ""),
        board=tail.get("Model", ""),
    )


def _model(processors: list[dict[str, str]]) -> str:
    """The core's name; of unlike cores each once, in their order."""
    names: dict[str, None] = {}
    for each in processors:
        known = _PARTS.get((each.get("CPU implementer", ""), each.get("CPU part", "")))
        name = known or printable(each.get("model name", ""))
        if name:
            names[name] = None
    return " + ".join(names)


def parse_meminfo(text: str) -> Memory:
    """What /proc/meminfo tells."""
    values: dict[str, int] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        number = integer(value.strip().removesuffix("kB"))
        if number is not None and number >= 0:
            values.setdefault(key.strip(), number // 1024)
    return Memory(values.get("MemTotal"), values.get("MemAvailable", values.get("MemFree")))


def count_cores(text: str) -> int | None:
    """How many CPUs a kernel list like ``0-3,6`` names (Documentation/admin-guide/cputopology)."""
    total = 0
    for part in text.strip("\0 \r\n").split(","):
        first, dash, last = part.partition("-")
        low, high = integer(first), integer(last) if dash else integer(first)
        if low is None or high is None or not 0 <= low <= high < 65536:
            return None
        total += high - low + 1
    return total
