"""`banksman check`, and that what is published agrees with what is enforced."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

import jsonschema
import pytest

BROKEN = '[node]\nid = "n"\nmod = "armed"\n[web]\nport = 0\n'


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "appliance.toml"
    path.write_text(BROKEN)
    return path


def test_every_problem_is_printed_and_ends_with_2(run, broken):
    code, out = run("check", broken)
    assert code == 2
    assert out.splitlines() == [
        f"{broken}:3: node.mod: unknown option, nothing reads it (did you mean mode?)",
        f"{broken}:5: web.port: is 0 (must be: whole number, 1 to 65535; TCP port)",
    ]


def test_problems_can_be_had_as_json(run, broken):
    code, out = run("check", broken, "--json")
    answer = json.loads(out)
    assert code == 2
    assert answer["ok"] is False
    assert answer["problems"][0] == {
        "file": str(broken),
        "line": 3,
        "key": "node.mod",
        "message": "unknown option, nothing reads it",
        "hint": "did you mean mode?",
    }


def test_a_right_config_is_summed_up(run, root):
    code, out = run("check", root / "docs/examples/appliance.toml")
    assert code == 0
    assert "mode             observe" in out
    assert "plc (modbus_tcp)" in out
    assert "plc.conveyor_run (run permit)" in out
    assert "agv1.pause (unsupervised)" in out


def test_the_summary_can_be_had_as_json(run, root):
    code, out = run("check", root / "docs/examples/appliance.toml", "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["summary"]["mode"] == "observe"
    assert all("not there" in warning["message"] for warning in answer["warnings"])


def test_the_whole_command_line_ends_with_2(broken):
    done = subprocess.run(
        [sys.executable, "-m", "banksman.cli", "check", str(broken)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "node.mod" in done.stdout


# -- what is published ---------------------------------------------------------------------------


def test_the_published_schema_is_the_one_in_force(run, root):
    code, out = run("check", "--schema")
    assert code == 0
    published = (root / "docs/reference/appliance.schema.json").read_text()
    assert json.loads(out) == json.loads(published), "make it anew: banksman check --schema"


def test_the_published_reference_is_the_one_in_force(run, root):
    code, out = run("check", "--reference")
    assert code == 0
    published = (root / "docs/reference/appliance.toml.md").read_text()
    assert out == published, "make it anew: banksman check --reference"


def test_every_option_of_the_reference_has_a_meaning(run):
    _, out = run("check", "--reference")
    rows = [line.split(" | ") for line in out.splitlines() if line.startswith("| `")]
    assert len(rows) > 120
    assert [row[0] for row in rows if not row[1].strip()] == []


def test_the_example_shows_every_option(root):
    text = (root / "docs/examples/appliance.toml").read_text()
    schema = json.loads((root / "docs/reference/appliance.schema.json").read_text())
    for name, table in schema["$defs"].items():
        for option in table["properties"]:
            assert f"{option} =" in text or f"[{option}]" in text or f".{option}]" in text, (
                name,
                option,
            )


def test_the_example_is_valid_by_the_schema(root):
    schema = json.loads((root / "docs/reference/appliance.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    example = tomllib.loads((root / "docs/examples/appliance.toml").read_text())
    jsonschema.validate(example, schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "change",
    [
        {"node": {}},
        {"node": {"id": "n", "mod": "armed"}},
        {"node": {"id": "n"}, "web": {"port": 0}},
        {"node": {"id": "n"}, "device": [{"driver": "modbustcp", "id": "x"}]},
    ],
)
def test_the_schema_refuses_what_check_refuses(root, change):
    schema = json.loads((root / "docs/reference/appliance.schema.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(change, schema, jsonschema.Draft202012Validator)


def test_the_demos_config_is_right(run, root):
    code, out = run("check", root / "appliance/banksman/demo/appliance.toml")
    assert code == 0, out
