"""The operator's pages say what is true: their configs, commands and links."""

import re
import shlex
from pathlib import Path

import pytest

from banksman.cli import build_parser
from banksman.config.load import load_config

ROOT = Path(__file__).resolve().parents[2]
OTHERS = ("README.md", "docs/architecture.md", "docs/develop.md")
PAGES = [*sorted((ROOT / "docs" / "operate").glob("*.md")), *(ROOT / name for name in OTHERS)]


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def test_the_first_config_and_its_rules_are_right_and_its_examples_hold(tmp_path):
    first = blocks(ROOT / "docs" / "operate" / "configure.md", "toml")[:3]
    for name, text in zip(("appliance.toml", "rules.toml", "examples.toml"), first, strict=True):
        (tmp_path / name).write_text(text)

    loaded = load_config(tmp_path / "appliance.toml")

    assert loaded.config.node.mode == "observe"
    assert loaded.warnings == ()
    words = ["rules", "test", str(tmp_path / "examples.toml")]
    arguments = build_parser().parse_args(words)
    assert arguments.run(arguments) == 0


def test_every_further_piece_of_config_fits_the_first_one(tmp_path):
    first, rules, _, *more = blocks(ROOT / "docs" / "operate" / "configure.md", "toml")
    more += blocks(ROOT / "docs" / "operate" / "secure.md", "toml")
    (tmp_path / "rules.toml").write_text(rules)
    assert len(more) == 4
    for piece in more:
        (tmp_path / "appliance.toml").write_text(f"{first}\n{piece}")
        load_config(tmp_path / "appliance.toml")


def commands(page):
    """The words after `banksman` of each command of the page."""
    for block in blocks(page, "sh"):
        for line in re.split(r"\n|&&", block):
            words = shlex.split(line.partition(" #")[0]) if line.count('"') % 2 == 0 else []
            if words and words[0].rpartition("/")[2] == "banksman":
                end = next((at for at, word in enumerate(words) if word in "|>"), len(words))
                yield words[1:end]


def code_of(words):
    """What the command line's parser ends with: 0 for words that it knows."""
    try:
        build_parser().parse_args(words)
    except SystemExit as end:
        return end.code
    return 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_banksman_command_of_a_page_exists(page):
    assert [words for words in commands(page) if code_of(words) != 0] == []


def test_the_pages_have_commands_to_look_at():
    assert sum(len(list(commands(page))) for page in PAGES) > 30


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_every_exit_code_stands_on_the_page_to_recover_from():
    table = (ROOT / "docs" / "operate" / "recover.md").read_text()
    known = {kind.exit_code for kind in all_errors()}
    told = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.M) for code in
            row.split(",")}  # fmt: skip
    assert known <= told


def all_errors():
    from banksman.errors import BanksmanError

    found = [BanksmanError]
    for kind in found:
        found += kind.__subclasses__()
    return found
