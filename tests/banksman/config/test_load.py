# ruff: noqa: E501  a row of a table of cases is one line
"""Loading: everything that is wrong is said at once, in the words of the datasheet."""

from __future__ import annotations

import pytest

from banksman.config.load import load_config, reload_rules
from banksman.errors import ConfigError

FAKE = '[[device]]\ndriver = "fake"\nid = "{}"\n'


def test_a_right_config_loads_with_its_rules(load, tmp_path):
    loaded = load()
    assert loaded.config.node.mode == "observe"
    assert loaded.rules.for_point("press").inputs == ("plc.temperature",)
    assert loaded.folder == tmp_path
    assert loaded.warnings == ()
    assert set(loaded.inventory.sensors) >= {"plc.temperature", "guard.estop", "guard.latched"}
    assert loaded.inventory.outputs["guard.permit"].supervised


def test_it_is_quiet_about_a_config_without_decisions_and_rules(load):
    loaded = load(text='[node]\nid = "n"\n', rules=None)
    assert loaded.rules.rows == ()
    assert reload_rules(loaded).rows == ()


def test_every_problem_of_both_files_is_said_at_once(problems):
    found = problems(
        {
            'host = "h"': 'host = "h"\npol_ms = 3\ntimeout_ms = 5',
            'safe_action = "stop"': 'safe_action = "halt"',
            'outputs = ["guard.permit", "plc.run"]': 'outputs = ["guard.permit", "plc.rum"]',
        },
        rules="[[rule]]\nname = 'x'\npoint = 'press'\nwhen = 'plc.temperature > 80'\nthen = 'stop'\n",
    )
    assert len(found) == 5
    for expected in (
        "appliance.toml:8: device.plc.pol_ms: unknown option, nothing reads it"
        " (did you mean poll_ms?)",
        "appliance.toml:9: device.plc.timeout_ms: is 5 (must be: number, 10 to 60000 ms;"
        " an answer later than this is none)",
        "decision.press.safe_action: unknown action halt (known: none, stop)",
        "trip.estop.outputs[2]: unknown output plc.rum (did you mean plc.run?)",
        "rules.toml:4: rule.x.when: plc.temperature is in degC, the number 80 has no unit",
    ):
        assert any(expected in line for line in found), (expected, found)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('driver = "modbus_tcp"', 'driver = "modbustcp"', "driver: unknown driver 'modbustcp' (did you mean modbus_tcp?)"),
        ('driver = "modbus_tcp"\n', "", "device.plc: driver is missing (one of: "),
        ('host = "h"\n', "", "device.plc.host: is missing (text; name or address of the device)"),
        ('host = "h"', 'host = "h"\nport = "502"', "device.plc.port: is '502' (must be: whole number, 1 to 65535"),
        ('host = "h"', 'host = "h"\nport = 70000', "is 70000 (must be: whole number, 1 to 65535"),
        ('host = "h"', 'host = "h"\npoll_ms = nan', "device.plc.poll_ms: is nan"),
        ("address = 0, unit", "address = 0, scale = inf, unit", "scale: is inf (must be: a finite number)"),
        ("safe = false, run", "safe = [1], run", "output.run.safe: is a list (must be: true or false or number or text"),
        ('table = "coil"', 'table = "coils"', 'is \'coils\' (must be: text, one of "coil", "holding"'),
        ('id = "n1"', 'id = "n 1"', "node.id: is 'n 1'"),
        ("[guard]\n", "[guard]\nlease_ms = 6000\n", "guard.lease_ms: is 6000 (must be: number, 10 to 5000 ms"),
        ("[node]", "[nod]", "nod: unknown option, nothing reads it (did you mean node?)"),
        ("[node]", "[nod]", "node: is missing"),
        ('on = ["plc.temperature"]', "on = []", "decision.press.on: is a list (must be: list of texts, at least 1"),
        ("[[action]]", "[action]", "action: is a table (must be: list of tables"),
        ('kind = "estop"\nguard', 'kind = "e-stop"\nguard', 'one of "estop", "process"'),
    ],
)  # fmt: skip
def test_a_wrong_option_is_told_with_what_is_allowed(problems, old, new, expected):
    found = problems({old: new})
    assert any(expected in line for line in found), found


def test_one_slip_is_one_problem(problems):
    """What depends on a wrong entry is not complained about as well."""
    assert len(problems({'host = "h"\n': ""})) == 1
    assert len(problems({'driver = "modbus_tcp"': 'driver = "modbustcp"'})) == 1
    assert len(problems({'kind = "estop", source': 'kind = "estp", source'})) == 1
    assert len(problems({"safe = false, run_permit": "saf = false, run_permit"})) == 2
    assert len(problems({'type = "process_control"\n': ""})) == 1


def test_a_problem_behind_a_broken_device_is_found_in_the_same_run(problems):
    more = '[[permissive]]\noutput = "guard.permt"\nwhen = "plc.x"\nreason = "r"\n'
    found = problems({'host = "h"\n': ""}, more=more)
    assert any("unknown output guard.permt (did you mean guard.permit?)" in line for line in found)
    assert any("device.plc.host: is missing" in line for line in found)
    assert len(found) == 2


def test_a_broken_point_does_not_hide_what_is_wrong_with_its_neighbours(problems):
    more = '[[permissive]]\noutput = "plc.rum"\nwhen = "plc.run == 1"\nreason = "r"\n'
    found = problems({'table = "coil"': 'table = "coils"'}, more=more)
    assert any('one of "coil", "holding"' in line for line in found), found
    assert any("unknown output plc.rum" in line for line in found), found
    assert not any("plc.run " in line for line in found), "it is the one that is broken"


def test_a_point_whose_name_is_wrong_hides_its_device(problems):
    assert len(problems({'name = "temperature"': 'name = "Temperature"'})) == 1


def test_lines_stay_right_behind_an_entry_that_is_left_out(problems, base):
    more = FAKE.format("a") + FAKE.format("a") + "x = 1\n"
    found = problems({'driver = "modbus_tcp"': 'driver = "modbus"'}, more=more)
    first = base.count("\n") + 1
    assert any(f":{first + 6}: device.a.x: unknown option" in line for line in found), found
    assert any(f":{first + 5}: device.a.id: a is used twice" in line for line in found), found


def test_a_misspelt_table_does_not_drown_its_cause(problems):
    found = problems({"[[device]]": "[[devise]]"})
    assert found == [
        "appliance.toml:4: devise: unknown option, nothing reads it (did you mean device?)"
    ]
    assert len(problems({"point = [": "points = ["})) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[node]\nid = \n", "appliance.toml:2: is not valid TOML"),
        ("[node]\nid = 'a'\n[node]\n", "is not valid TOML"),
        ("[node", "appliance.toml:1: is not valid TOML"),
        ("", "node: is missing"),
    ],
)
def test_broken_toml_is_told_with_its_line(problems, text, expected):
    assert any(expected in line for line in problems(text=text))


def test_a_file_that_is_not_text_is_told_with_its_line(tmp_path):
    path = tmp_path / "appliance.toml"
    path.write_bytes(b"[node]\nid = '\xff\xfe'\n")
    with pytest.raises(ConfigError, match=r"appliance\.toml:2: is not UTF-8 text"):
        load_config(path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_config(tmp_path / "nowhere.toml")


def test_a_missing_rules_file_is_told(problems):
    assert any("rules.toml: cannot be read: No such file" in line for line in problems(rules=None))


def test_rules_are_reloaded_against_the_running_config(load, tmp_path):
    loaded = load()
    rules = tmp_path / "rules.toml"
    rules.write_text(rules.read_text().replace("80 degC", "70 degC"))
    fresh = reload_rules(loaded)
    assert fresh.version != loaded.rules.version
    assert fresh.for_point("press").evaluate([75.0], None).rule == "hot"


def test_a_reload_of_wrong_rules_tells_why_and_gives_none(load, tmp_path):
    loaded = load()
    (tmp_path / "rules.toml").write_text("[[rule]]\n")
    with pytest.raises(ConfigError, match="name is missing"):
        reload_rules(loaded)
