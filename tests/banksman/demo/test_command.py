"""``banksman demo`` on the command line."""

from __future__ import annotations

import argparse
import json

import pytest

from banksman.commands import demo as command
from banksman.demo import levers
from banksman.errors import NotReachable
from banksman_drivers.fake.plant.line import INCIDENTS
from banksman_drivers.fake.plant.service import BEGUN


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="banksman")
    command.register(parser.add_subparsers(required=True))
    return parser.parse_args(["demo", *words])


def test_every_incident_of_the_plant_has_a_lever_and_an_answer():
    assert set(command.LEVERS) - set(command.TIMED) == set(INCIDENTS)
    assert set(BEGUN) == set(INCIDENTS)


@pytest.mark.parametrize("words", [[], ["jam"], ["run"], ["restore"], ["plc-off"]])
def test_help_shows_an_example(words, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(*words, "--help")
    assert ended.value.code == 0
    assert "banksman demo" in capsys.readouterr().out.partition("example")[2]


@pytest.mark.parametrize(
    "words",
    [
        ["flood"],
        [],
        ["restore", "flood"],
        ["plc-off", "--seconds", "-1"],
        ["plc-off", "--seconds", "nan"],
        ["plc-off", "--seconds", "soon"],
        ["run", "--port", "0"],
        ["run", "--port", "http"],
        ["jam", "--seconds", "3"],
    ],
)
def test_wrong_usage_ends_with_2(words, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(*words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said
    assert "invalid _" not in said, "a name of the code tells nobody what is right"


def test_a_lever_without_a_demo_says_so(tmp_path):
    arguments = parse("jam", "--folder", str(tmp_path))
    with pytest.raises(NotReachable, match="--folder"):
        arguments.run(arguments)


def test_answers_are_printed_for_people_and_as_json(monkeypatch, capsys, tmp_path):
    answer = {"message": "all is well", "status": {"incidents": [], "values": {"plc.siren": 0.0}}}
    monkeypatch.setattr(levers, "status", lambda folder: answer)
    arguments = parse("status")
    assert arguments.run(arguments) == 0
    shown = capsys.readouterr().out
    assert "all is well" in shown
    assert "plc.siren" in shown
    arguments = parse("status", "--json")
    arguments.run(arguments)
    assert json.loads(capsys.readouterr().out) == answer
