"""The plant's Modbus register map: one table, from which server, docs and tests derive.

Rules of this file
- Addresses are protocol addresses (from 0). Values of two registers have the high word first.
- raw = value / scale, rounded and clamped to the type; float32 is carried as it is.
- Only coils and holding registers can be written.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Table = Literal["coil", "discrete", "holding", "input"]
Type = Literal["bit", "uint16", "int16", "uint32", "float32"]

UNIT_IDS: Final = {"plc": 1, "vib": 2}
FORMATS: Final = {"uint16": ">H", "int16": ">h", "uint32": ">I", "float32": ">f"}
BOUNDS: Final = {
    "bit": (0, 1),
    "uint16": (0, 0xFFFF),
    "int16": (-0x8000, 0x7FFF),
    "uint32": (0, 0xFFFF_FFFF),
}


@dataclass(frozen=True, slots=True)
class Register:
    """One value on the wire. ``unit`` as in rules; ``flag`` marks 0/1."""

    device: str
    table: Table
    address: int
    type: Type
    name: str
    unit: str
    label: str
    scale: float = 1.0

    @property
    def id(self) -> str:
        """The sensor id, ``device.point``."""
        return f"{self.device}.{self.name}"

    @property
    def words(self) -> int:
        """How many addresses it takes."""
        return 2 if self.type in ("uint32", "float32") else 1

    def encode(self, value: float) -> tuple[int, ...]:
        """The raw words of a value, clamped to what the type can hold."""
        if self.type == "float32":
            packed = struct.pack(">f", value)
        else:
            low, high = BOUNDS[self.type]
            raw = min(max(round(value / self.scale), low), high)
            if self.type == "bit":
                return (raw,)
            packed = struct.pack(FORMATS[self.type], raw)
        return tuple(word for (word,) in struct.iter_unpack(">H", packed))

    def decode(self, words: Sequence[int]) -> float:
        """The value of its raw words."""
        if self.type == "bit":
            return float(bool(words[0]))
        packed = struct.pack(f">{len(words)}H", *words)
        (raw,) = struct.unpack(FORMATS[self.type], packed)
        return float(raw) if self.type == "float32" else raw * self.scale


def _numbered(device: str, table: Table, rows: Iterable[tuple[str, str]]) -> tuple[Register, ...]:
    return tuple(
        Register(device, table, address, "bit", name, "flag", label)
        for address, (name, label) in enumerate(rows)
    )


COILS = _numbered(
    "plc",
    "coil",
    (
        ("conveyor_run", "conveyor contactor (run output)"),
        ("press_run", "press contactor (run output)"),
        ("oven_heater", "oven main contactor (run output)"),
        ("reject_gate", "gate that diverts the part passing it"),
        ("beacon", "light on the mast"),
        ("siren", "siren"),
    ),
)
DISCRETES = _numbered(
    "plc",
    "discrete",
    (
        ("part_present", "photo-eye at the gauge is blocked"),
        ("door_closed", "press guard door is closed"),
        ("estop_closed", "e-stop circuit is closed (healthy)"),
        ("permit_closed", "run permit relay of the guard is closed"),
        ("supervised", "the appliance's watchdog register moves"),
        ("conveyor_running", "conveyor runs"),
        ("press_running", "press runs"),
        ("oven_heating", "oven element is on"),
        ("start_button", "start button is pressed"),
        ("oven_cut_out", "over-temperature cut-out has tripped"),
        ("aisle_spill", "parts lie in the forklift aisle"),
        ("shift", "a shift is on"),
    ),
)
HOLDINGS = (
    Register("plc", "holding", 0, "uint16", "watchdog", "", "supervision: must change each second"),
    Register("plc", "holding", 1, "uint16", "conveyor_speed_set", "mm/s", "belt speed wanted", 0.1),
    Register("plc", "holding", 2, "int16", "oven_temperature_set", "degC", "oven wanted", 0.1),
)
INPUTS = (
    Register("plc", "input", 0, "uint16", "conveyor_speed", "mm/s", "belt speed", 0.1),
    Register("plc", "input", 1, "uint16", "conveyor_current", "A", "conveyor motor current", 0.01),
    Register("plc", "input", 2, "uint16", "press_force", "kN", "press force", 0.1),
    Register("plc", "input", 3, "int16", "oven_temperature", "degC", "oven temperature", 0.1),
    Register("plc", "input", 4, "uint16", "part_dimension", "mm", "last part measured", 0.001),
    Register("plc", "input", 5, "uint16", "part_sequence", "", "counts measured parts, wraps"),
    Register("plc", "input", 6, "uint16", "defects_in_row", "", "defects since the last good part"),
    Register("plc", "input", 7, "uint16", "hopper_weight", "kg", "material on the scale", 0.01),
    Register("plc", "input", 8, "int16", "hopper_difference", "kg", "scale less plan", 0.01),
    Register("plc", "input", 10, "uint32", "parts_total", "", "parts that reached the gauge"),
    Register("plc", "input", 12, "uint32", "parts_good", "", "parts in the good bin"),
    Register("plc", "input", 14, "uint32", "parts_rejected", "", "parts in the reject bin"),
    Register("plc", "input", 16, "uint32", "press_cycles", "", "strokes of the press"),
)
VIBRATION = (
    Register("vib", "input", 0, "float32", "rms", "mm/s", "vibration velocity, rms"),
    Register("vib", "input", 2, "float32", "peak", "mm/s", "vibration velocity, peak"),
    Register("vib", "input", 4, "float32", "kurtosis", "", "kurtosis of the acceleration"),
    Register("vib", "input", 6, "float32", "bearing_temperature", "degC", "bearing temperature"),
    Register("vib", "input", 8, "uint16", "sequence", "", "counts refreshes, wraps"),
)
REGISTERS: Final = (*COILS, *DISCRETES, *HOLDINGS, *INPUTS, *VIBRATION)


def as_markdown() -> str:
    """The map as the table that stands in ``docs/demo.md``; a test keeps the two the same."""
    lines = [
        "| unit | table | address | type | scale | point | unit of value | meaning |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {UNIT_IDS[register.device]} | {register.table} | {register.address} | {register.type} "
        f"| {register.scale:g} | `{register.id}` | {register.unit} | {register.label} |"
        for register in REGISTERS
    ]
    return "\n".join(lines)
