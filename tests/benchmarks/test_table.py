"""The table is aligned, and the page's table is replaced between its markers only."""

import msgspec
import pytest

from benchmarks import table
from benchmarks.figure import Target, figure


@pytest.fixture
def figures():
    missed = figure(
        "reaction.decide_p50", "ms", [0.4], direction="lower", n=300, pressure_pct=4.2,
        target=Target("ratio", 1.4), peer="pyloop", peer_values=[0.2],
    )  # fmt: skip
    unknown = figure(
        "guard.p99", "us", [], direction="lower", n=0, pressure_pct=None, note="no compiler"
    )
    return [msgspec.to_builtins(each) for each in (missed, unknown)]


def test_every_column_begins_at_the_same_place(figures):
    head, missed, unknown, _ = table.text(figures).splitlines()
    assert head.index("target") == missed.index("<= 1.4")
    assert head.index("unit") == missed.index("ms ") == unknown.index("us ")


def test_a_missed_target_stands_out_and_a_note_stands_below(figures):
    text = table.text(figures)
    assert "NO" in text.splitlines()[1].split()
    assert text.splitlines()[-1] == "guard.p99: no compiler"


def test_figures_from_another_commit_are_named_once_for_each_area(figures):
    old = [each | {"commit": "abc", "when": "monday"} for each in figures]
    notes = table.text(old).splitlines()[3:]
    assert "reaction.*: measured monday at abc" in notes
    assert len(notes) == 3


def test_the_page_keeps_everything_outside_its_markers():
    page = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    assert table.replaced(page, "new") == f"before\n{table.BEGIN}\n\nnew\n\n{table.END}\nafter\n"


def test_replacing_twice_changes_nothing_more():
    page = table.replaced(f"{table.BEGIN}{table.END}", "new")
    assert table.replaced(page, "new") == page


def test_a_page_without_markers_is_refused():
    with pytest.raises(table.MarkersMissing, match="needs the lines"):
        table.replaced("no markers", "new")


def test_the_markdown_says_what_it_was_measured_on(figures):
    machine = {"cpu": "Cortex-A76", "cores": 4, "kernel": "6.6", "python": "3.11.2"}
    document = {"machine": machine, "commit": "abc", "when": "monday", "figures": figures}
    text = table.markdown(document)
    assert text.startswith("Measured monday at commit `abc` on Cortex-A76, 4 cores")
    assert "| reaction.decide_p50 | 0.4 | ms | <= 1.4 x pyloop | NO | pyloop 0.2 | 2 |" in text
