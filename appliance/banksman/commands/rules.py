"""`banksman rules`: look at the rows, and try them on examples."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from banksman.commands.options import CONFIG_FILE, Subparsers

if TYPE_CHECKING:
    from banksman.config.load import LoadedConfig
    from banksman.deciding.examples import Outcome, PointFacts


def register(commands: Subparsers) -> None:
    """Add the parser and its two sub-commands."""
    parser = commands.add_parser(
        "rules",
        help="show the rules, or try them on examples",
        description="Shows the rows of a config's rules file, or runs example rows through them.",
        epilog="example: banksman rules test examples.toml --config /etc/banksman/appliance.toml",
    )
    verbs = parser.add_subparsers(title="what to do", metavar="VERB", required=True)
    show = verbs.add_parser(
        "show",
        help="the rows, in the order in which they are tried",
        epilog="example: banksman rules show --config appliance.toml",
    )
    show.set_defaults(run=run_show)
    test = verbs.add_parser(
        "test",
        help="run [[example]] rows; exit code 1 when one is not as expected",
        epilog="example: banksman rules test examples.toml",
    )
    test.add_argument("file", type=Path, help="a TOML file with [[example]] tables")
    test.set_defaults(run=run_test)
    for verb in (show, test):
        verb.add_argument("--config", type=Path, default=None, help=_CONFIG_HELP)
        verb.add_argument("--json", action="store_true", help="print JSON")


_CONFIG_HELP = f"default: appliance.toml beside FILE where there is one, else {CONFIG_FILE}"


def run_show(arguments: argparse.Namespace) -> int:
    """Print every row by decision point."""
    import json

    from banksman.config.load import load_config

    loaded = load_config(arguments.config or CONFIG_FILE)
    points = [decision.name for decision in loaded.config.decisions]
    shown = {point: [item.row for item in loaded.rules.for_point(point).rows] for point in points}
    if arguments.json:
        rows = {
            point: [{key: getattr(row, key) for key in row.__struct_fields__} for row in mine]
            for point, mine in shown.items()
        }
        print(json.dumps({"version": loaded.rules.version, "points": rows}, indent=2))
        return 0
    print(f"version {loaded.rules.version}")
    for point, mine in shown.items():
        print(f"\n{point}")
        for row in mine:
            sure = "" if row.definitive else ", not definitive"
            print(f"  {row.priority:6}  {row.name}: {row.when}")
            print(f"          then {row.then} ({row.confidence:g}{sure}), else {row.safe_action}")
    return 0


def run_test(arguments: argparse.Namespace) -> int:
    """Run the examples; 0 when all are as expected, 1 when one is not."""
    import json

    from banksman.config.load import load_config, read_text
    from banksman.deciding.examples import read_examples, run_examples

    beside = arguments.file.parent / "appliance.toml"
    loaded = load_config(arguments.config or (beside if beside.is_file() else CONFIG_FILE))
    points = facts_of(loaded)
    examples = read_examples(
        read_text(arguments.file), str(arguments.file), loaded.inventory.catalogue, points
    )
    outcomes = run_examples(examples, loaded.rules, points)
    wrong = sum(1 for outcome in outcomes if outcome.wrong)
    if arguments.json:
        rows = [
            {key: getattr(outcome, key) for key in outcome.__struct_fields__}
            for outcome in outcomes
        ]
        print(json.dumps({"ok": not wrong, "wrong": wrong, "examples": rows}, indent=2))
    else:
        for outcome in outcomes:
            print(_line_of(outcome, arguments.file))
        print(f"{len(outcomes) - wrong} of {len(outcomes)} as expected")
    return 1 if wrong else 0


def facts_of(loaded: LoadedConfig) -> dict[str, PointFacts]:
    """What examples need to know of each decision point."""
    from banksman.deciding.examples import CLOUD, MODEL, PointFacts

    facts: dict[str, PointFacts] = {}
    for decision in loaded.config.decisions:
        otherwise = CLOUD if decision.ask_cloud else decision.safe_action
        otherwise = otherwise if decision.model is None else MODEL
        facts[decision.name] = PointFacts(decision.safe_action, otherwise)
    return facts


def _line_of(outcome: Outcome, file: Path) -> str:
    where = f"{file}:{outcome.line}"
    if outcome.wrong:
        return f"WRONG {where}: {outcome.point}: {outcome.wrong} ({outcome.reason})"
    return f"ok    {where}: {outcome.point}: {outcome.action} ({outcome.reason})"
