"""Areas are found by name, owe figures of their own name, and are described on the page."""

import importlib
import sys

import msgspec
import pytest

from benchmarks import __main__ as bench
from benchmarks import table
from benchmarks.context import Context
from benchmarks.figure import figure


class Area:
    """An area that measures what it is told."""

    def __init__(self, *names):
        self.names = names

    def measure(self, context):
        return [figure(n, "", [1.0], direction="lower", n=1, pressure_pct=0.0) for n in self.names]


@pytest.fixture
def context(tmp_path):
    return Context(quick=True, cache=tmp_path, work=tmp_path)


def test_an_area_is_a_module_of_its_name(tmp_path):
    for name in ("vision", "__init__", "drivers"):
        (tmp_path / f"{name}.py").touch()
    assert bench.area_names(tmp_path) == ["drivers", "vision"]


@pytest.mark.parametrize("name", bench.area_names())
def test_every_area_can_be_imported_and_has_its_place_on_the_page(name):
    area = importlib.import_module(f"benchmarks.areas.{name}")
    assert callable(area.measure)
    assert f"\n## {name}" in bench.PAGE.read_text()


def test_a_figure_of_another_areas_name_is_refused(context, monkeypatch):
    monkeypatch.setitem(sys.modules, "benchmarks.areas.vision", Area("guard.p99"))
    with pytest.raises(ValueError, match="was measured by vision"):
        bench.measure("vision", context)


def test_a_quick_run_takes_one_round_and_a_real_one_three(context):
    assert context.rounds == 1
    assert msgspec.structs.replace(context, quick=False).rounds == 3


def test_the_page_has_its_table_between_markers():
    page = bench.PAGE.read_text()
    assert table.replaced(page, "the table").count("the table") == 1
