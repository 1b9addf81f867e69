"""What ``banksman check`` finds in Modbus devices before anything is plugged in."""

import pytest

from banksman_drivers.settings.modbus import ModbusOutput, ModbusPoint, ModbusTcpSettings
from banksman_drivers.settings.modbus_rtu import ModbusRtuSettings


def unit(number, **options):
    points = [ModbusPoint(name="p", table="holding", address=0)]
    return ModbusRtuSettings(
        driver="modbus_rtu",
        id=f"u{number}",
        unit_id=number,
        **({"port": "/dev/ttyUSB0", "point": points} | options),
    )


def told(flaws):
    return [f"{'.'.join(map(str, flaw.path))} {flaw.message}" for flaw in flaws]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"bit": 16}, "bit do not lie in uint16"),
        ({"bits": [7, 4]}, "bits do not lie in uint16"),
        ({"bits": [8, 16]}, "bits do not lie in uint16"),
        ({"bit": 1, "bits": [1, 2]}, "bits stands beside bit"),
        ({"bit": 1, "type": "int16"}, "bit picks bits of int16"),
        ({"bit": 1, "type": "float32"}, "bit picks bits of float32"),
        ({"bit": 1, "table": "discrete"}, "bit a discrete is one bit itself"),
    ],
)
def test_a_bit_field_that_cannot_be_is_told(options, complaint):
    point = ModbusPoint(**({"name": "p", "table": "holding", "address": 0} | options))
    assert told(point.flaws(())) == [complaint]


def test_bits_written_as_toml_writes_them_are_taken():
    point = ModbusPoint.model_validate(
        {"name": "p", "table": "holding", "address": 0, "bits": [4, 7]}, strict=True
    )
    assert point.bits == [4, 7]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"safe": 16}, "safe is 16, outside what the register holds"),
        ({"write_with": "single"}, "write_with a bit field is written by mask"),
        ({"type": "uint32"}, "type a mask write reaches one register"),
    ],
)
def test_a_field_output_that_cannot_be_is_told(options, complaint):
    given = {"name": "o", "safe": 0, "table": "holding", "address": 0, "bits": [4, 7]}
    found = told(ModbusOutput(**(given | options)).flaws(()))
    assert any(each.startswith(complaint) for each in found), found


def outputs(*fields):
    return ModbusTcpSettings(
        driver="modbus_tcp",
        id="plc",
        host="plc.example",
        output=[
            ModbusOutput(name=f"o{n}", safe=0, table="holding", address=5, bits=list(field))
            for n, field in enumerate(fields)
        ],
    )


def test_two_outputs_may_have_bits_of_one_register_and_not_the_same_bits():
    assert told(outputs((0, 3), (4, 7)).flaws()) == []
    assert told(outputs((0, 3), (3, 7)).flaws()) == [
        "output.1.address holding 5 is written by o0 as well"
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("baud", 9600),
        ("parity", "none"),
        ("stop_bits", 2),
        ("rs485", True),
        ("echo", True),
        ("turnaround_ms", 5.0),
    ],
)
def test_units_of_one_port_have_one_set_of_line_parameters(key, value):
    found = told(unit(2, **{key: value}).flaws_beside([unit(1)]))
    assert len(found) == 1
    assert found[0].startswith(f"{key} is {value}, and u1 on the same port has ")


def test_units_of_other_ports_are_their_own_business():
    other = unit(1, port="/dev/ttyUSB1", baud=9600)
    assert told(unit(1).flaws_beside([other])) == []


def test_a_unit_number_is_given_once_on_a_port():
    twin = unit(1).model_copy(update={"id": "twin"})
    assert told(twin.flaws_beside([unit(1)])) == ["unit_id unit 1 of /dev/ttyUSB0 is u1 already"]


def test_outputs_of_a_unit_of_which_nothing_is_read_are_told():
    output = ModbusOutput(name="o", safe=False, table="coil", address=0)
    found = told(unit(1, point=[], output=[output]).flaws())
    assert found == ["output nothing of u1 is read, so nobody would notice that it is gone"]
