"""What changes while the board runs: temperatures, supply and throttling.

Rules of this file
- Files only; ``vcgencmd`` and ``nvpmodel`` are programs that a driver shall not start.
- A zone that is switched off answers an error or -256 degC: unknown, never a temperature.
- ``acpitz`` is no CPU temperature: on many mainboards it is a constant.

| question | Raspberry Pi | elsewhere |
|---|---|---|
| under-voltage now | hwmon ``rpi_volt`` ``in0_lcrit_alarm``, else bit 0 of ``get_throttled`` | - |
| throttled now | bits 1 to 3 of ``get_throttled`` | a CPU's cooling device is at work |
| since the start | bits 16 to 19 of ``get_throttled`` | over-current events of ``soctherm_oc`` |
| power mode | - | Jetson: nvpmodel's status and config |

``get_throttled`` is a file of Raspberry Pi's own kernels, in hexadecimal; a newer kernel logs
once per boot that it is deprecated, and has nothing else that tells of throttling.

      19 18 17 16  …  3  2  1  0
       |  |  |  |     |  |  |  +-- under-voltage      16: it has occurred
       |  |  |  |     |  |  +----- frequency capped   17
       |  |  |  |     |  +-------- throttled          18
       |  |  |  |     +----------- soft temperature limit   19

Sources: Raspberry Pi documentation, ``get_throttled``; Linux Documentation/hwmon/raspberrypi-hwmon
and driver-api/thermal/sysfs-api; NVIDIA Jetson Linux Developer Guide, "Jetson Orin …: Thermal
Management" and "Supported Modes and Power Efficiency".
"""

from __future__ import annotations

import re

from banksman_drivers.board.values import Supply, Temperature
from banksman_drivers.file_tree import Tree, printable

LOWEST_C = -60.0
HIGHEST_C = 250.0
SENSORS = 64

_FLAGS = re.compile(r"(0[xX])?[0-9a-fA-F]{1,8}")
_CPU_ZONE = re.compile(r"(cpu[-_]?(0[-_])?therm(al)?|x86_pkg_temp|soc[-_]thermal|tctl|tdie)", re.I)
_CPU_CHIPS = {"coretemp": "Package id 0", "k10temp": "Tctl", "zenpower": "Tdie"}
_COOLING = ("cpufreq", "thermal-cpufreq", "processor")
_STATUS = re.compile(r"pmode:\s*([0-9]{1,4})")
_MODEL = re.compile(r"<\s*POWER_MODEL\s+ID=([0-9]{1,4})\s+NAME=([^\s>]{1,40})")
_DEFAULT = re.compile(r"<\s*PM_CONFIG\s+DEFAULT=([0-9]{1,4})")


def read_temperatures(tree: Tree) -> tuple[Temperature, ...]:
    """Every thermal zone by its type, then the chips of hwmon that are no zone; at most 64."""
    found: list[Temperature] = []
    for zone in tree.names("sys/class/thermal"):
        place = f"sys/class/thermal/{zone}"
        kind = tree.line(f"{place}/type") if zone.startswith("thermal_zone") else ""
        if kind:
            found.append(Temperature(kind, _celsius(tree.number(f"{place}/temp"))))
    zones = {each.name.replace("-", "_") for each in found}
    for chip in tree.names("sys/class/hwmon"):
        place = f"sys/class/hwmon/{chip}"
        name = tree.line(f"{place}/name")
        if name and name.replace("-", "_") not in zones:
            found += _of_chip(tree, place, name)
    return tuple(found[:SENSORS])


def cpu_temperature_c(temperatures: tuple[Temperature, ...]) -> float | None:
    """The processor's own; None when nothing is known to be it."""
    for each in temperatures:
        chip, _, label = each.name.partition(" ")
        wanted = _CPU_CHIPS.get(chip)
        is_cpu = label == wanted if wanted else _CPU_ZONE.match(each.name) is not None
        if is_cpu and each.value_c is not None:
            return each.value_c
    return None


def read_supply(tree: Tree) -> Supply:
    """The supply's state; what the board does not tell stays unknown."""
    flags = _firmware_flags(tree)
    low = _rpi_volt(tree)
    if flags is None:
        return Supply(
            undervoltage=low,
            throttled=_cooled(tree),
            throttled_seen=_overcurrent(tree),
            mode=_power_mode(tree),
        )
    return Supply(
        undervoltage=bool(flags & 1) if low is None else low,
        throttled=bool(flags & 0b1110),
        undervoltage_seen=bool(flags >> 16 & 1),
        throttled_seen=bool(flags >> 16 & 0b1110),
    )


def _celsius(milli: int | None) -> float | None:
    value = None if milli is None else milli / 1000
    return value if value is not None and LOWEST_C <= value <= HIGHEST_C else None


def _of_chip(tree: Tree, place: str, name: str) -> list[Temperature]:
    found = []
    for entry in tree.names(place):
        if re.fullmatch(r"temp[0-9]+_input", entry):
            label = tree.line(f"{place}/{entry.removesuffix('_input')}_label")
            value = _celsius(tree.number(f"{place}/{entry}"))
            found.append(Temperature(f"{name} {label}".strip(), value))
    return found


def _rpi_volt(tree: Tree) -> bool | None:
    for chip in tree.names("sys/class/hwmon"):
        if tree.line(f"sys/class/hwmon/{chip}/name") == "rpi_volt":
            alarm = tree.number(f"sys/class/hwmon/{chip}/in0_lcrit_alarm")
            return None if alarm is None else alarm != 0
    return None


def _firmware_flags(tree: Tree) -> int | None:
    """``get_throttled`` of the firmware; its folder is called after the chip's bus (soc, soc@…)."""
    for bus in tree.names("sys/devices/platform"):
        place = f"sys/devices/platform/{bus}"
        for name in tree.names(place) if bus.startswith("soc") else ():
            if name.endswith(":firmware"):
                text = tree.line(f"{place}/{name}/get_throttled")
                if _FLAGS.fullmatch(text):
                    return int(text, 16)
    return None


def _cooled(tree: Tree) -> bool | None:
    """Whether a CPU is slowed down to cool it; None where no such device answers."""
    states = []
    for name in tree.names("sys/class/thermal"):
        place = f"sys/class/thermal/{name}"
        kind = tree.line(f"{place}/type").lower() if name.startswith("cooling_device") else ""
        if kind.startswith(_COOLING) or kind.endswith("throttle-alert"):
            states.append(tree.number(f"{place}/cur_state"))
    known = [state for state in states if state is not None]
    return any(state > 0 for state in known) if known else None


def _overcurrent(tree: Tree) -> bool | None:
    """Whether a Jetson's supply guard has throttled it since the start."""
    counts: list[int] = []
    for chip in tree.names("sys/class/hwmon"):
        place = f"sys/class/hwmon/{chip}"
        for entry in tree.names(place):
            if re.fullmatch(r"oc[0-9]+_event_cnt", entry):
                count = tree.number(f"{place}/{entry}")
                counts += [] if count is None else [count]
    return any(count > 0 for count in counts) if counts else None


def _power_mode(tree: Tree) -> str:
    """The name of the Jetson's power mode, or its number; empty where there is none."""
    config = tree.text("etc/nvpmodel.conf") or ""
    chosen = _STATUS.search(tree.line("var/lib/nvpmodel/status")) or _DEFAULT.search(config)
    if chosen is None:
        return ""
    names = {int(number): name for number, name in _MODEL.findall(config)}
    return printable(names.get(int(chosen[1]), f"mode {int(chosen[1])}"))
