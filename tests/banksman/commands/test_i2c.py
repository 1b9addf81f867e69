"""`banksman i2c` says what is wrong and what to do when it cannot tell."""

import pytest

from banksman.cli import build_parser
from banksman.commands.i2c import I2cUnusable, scan_bus, table
from banksman_drivers.i2c.scan import Found


def run(*arguments):
    chosen = build_parser().parse_args(["i2c", *arguments])
    return chosen.run(chosen)


def test_a_bus_that_is_not_there_is_named_with_the_way_to_the_others():
    with pytest.raises(I2cUnusable, match=r"there is no /dev/i2c-97; `banksman i2c`"):
        run("97")


def test_a_file_that_is_no_bus_is_refused():
    with pytest.raises(I2cUnusable, match="/dev/null cannot be used as an I2C bus"):
        scan_bus("/dev/null")


def test_people_are_told_who_is_sure_who_may_be_and_who_is_unknown():
    found = [
        Found(0x18, "answers", ("lis3dh",), sure=True),
        Found(0x48, "answers", ("ads1115", "lm75")),
        Found(0x60, "answers"),
        Found(0x68, "kernel"),
    ]
    assert table(found).splitlines() == [
        "0x18  lis3dh",
        "0x48  may be ads1115 or lm75",
        "0x60  somebody that we do not know",
        "0x68  in use by a kernel driver",
    ]
    assert table([]) == "nobody answers"
