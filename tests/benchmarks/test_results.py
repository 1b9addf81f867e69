"""One area's run replaces that area's figures and says of the others where they come from."""

import json

import pytest

from benchmarks import results
from benchmarks.figure import figure

OLD = {"machine": {"cpu": "old"}, "commit": "aaa", "when": "monday"}
NEW = {"machine": {"cpu": "old"}, "commit": "bbb", "when": "tuesday"}


def one(name, value=1.0):
    return figure(name, "ms", [value], direction="lower", n=1, pressure_pct=0.0)


@pytest.fixture
def first():
    return results.merged(
        {"figures": []}, ["guard", "reaction"], [one("reaction.a"), one("guard.a")], OLD
    )


def by_name(document):
    return {each["name"]: each for each in document["figures"]}


def test_the_areas_measured_are_replaced_and_the_others_kept(first):
    document = results.merged(first, ["reaction"], [one("reaction.b", 2.0)], NEW)
    assert list(by_name(document)) == ["guard.a", "reaction.b"]
    assert document["commit"] == "bbb"


def test_a_kept_figure_says_where_it_differs_from_the_top(first):
    document = results.merged(first, ["reaction"], [one("reaction.b")], NEW)
    kept = by_name(document)["guard.a"]
    assert (kept["commit"], kept["when"]) == ("aaa", "monday")
    assert "machine" not in kept
    assert "commit" not in by_name(document)["reaction.b"]


def test_a_figure_keeps_its_origin_over_several_runs(first):
    later = results.merged(first, ["reaction"], [], NEW)
    latest = results.merged(later, ["reaction"], [], {**NEW, "commit": "ccc"})
    assert by_name(latest)["guard.a"]["commit"] == "aaa"


def test_figures_of_the_same_commit_say_nothing_twice(first):
    document = results.merged(first, ["reaction"], [one("reaction.a")], OLD)
    assert not any("commit" in each for each in document["figures"])


def test_what_is_saved_is_loaded_and_is_plain_json(first, tmp_path):
    path = tmp_path / "results" / "latest.json"
    results.save(path, first)
    assert results.load(path) == json.loads(path.read_text()) == first
    assert [each.name for each in path.parent.iterdir()] == ["latest.json"]


def test_before_the_first_run_there_are_no_figures(tmp_path):
    assert results.load(tmp_path / "latest.json") == {"figures": []}


def test_every_figure_has_the_agreed_fields(first):
    agreed = {
        "name", "value", "unit", "target", "met", "peer", "peer_value", "ratio", "direction",
        "n", "runs", "spread", "pressure_pct",
    }  # fmt: skip
    assert all(agreed <= set(each) for each in first["figures"])


def test_the_machine_is_described_without_naming_it():
    assert {"cpu", "cores", "kernel", "python"} <= set(results.machine())
