"""`banksman bundle`: build, inspect, verify and bench a model's bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from banksman.commands.options import CONFIG_FILE, Subparsers
from banksman.commands.showing import show_error

RUNS = 200


def register(commands: Subparsers) -> None:
    """Add the command and its verbs."""
    parser = commands.add_parser(
        "bundle",
        help="build, inspect, verify or time a model's bundle",
        description="A bundle is one file: the network, what it needs, and golden cases that prove "
        "it. Asks no daemon.",
        epilog="example: banksman bundle verify caps.bundle",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    build = verbs.add_parser(
        "build",
        help="make a bundle of a folder",
        description="The folder holds manifest.toml, model.tflite and, where there are, "
        "golden.npz, model.onnx, head.npz, memory.npz. The same folder gives the same file. What "
        "no backend runs as its golden cases say is not written.",
        epilog="example: banksman bundle build caps/ --output caps.bundle",
    )
    build.add_argument("folder", type=Path, metavar="FOLDER")
    build.add_argument("--output", "-o", type=Path, required=True, metavar="FILE")
    build.set_defaults(verb="build")
    for name, text, example in (
        ("inspect", "show what a bundle is; runs nothing of it", "caps.bundle --json"),
        ("verify", "run its golden cases on each backend of this box", "caps.bundle"),
        ("bench", "time an inference on each backend, beside its budget", "caps.bundle --runs 500"),
    ):
        verb = verbs.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}. Exit code 1: refused, or over its budget.",
            epilog=f"example: banksman bundle {name} {example}",
        )
        verb.add_argument("file", type=Path, metavar="FILE")
        if name == "bench":
            verb.add_argument(
                "--runs", type=_runs, default=RUNS, metavar="N", help="default: %(default)s"
            )
        verb.set_defaults(verb=name)
    crashed = verbs.add_parser(
        "crashed",
        help="models that crashed the daemon, and are set aside for it",
        description="Lists each crash that a model has caused on this box. A backend that crashed "
        "is set aside for that model, and a model that crashed twice is refused. --forget gives "
        "all of them another chance at the next start. Exit code 1: there are crashes.",
        epilog="example: banksman bundle crashed --forget && systemctl restart banksman",
    )
    crashed.add_argument("--config", type=Path, default=CONFIG_FILE, help="default: %(default)s")
    crashed.add_argument("--forget", action="store_true", help="give them another chance")
    crashed.set_defaults(verb="crashed")
    for verb in verbs.choices.values():
        verb.add_argument("--json", action="store_true", help="print JSON")
        verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do it; what is wrong with a model is one line and exit code 1."""
    from banksman.commands import bundle_work
    from banksman_inference.ports import InferenceError

    if arguments.verb == "crashed":
        from banksman.commands import bundle_crashed

        return bundle_crashed.show(arguments.config, arguments.forget, arguments.json)
    try:
        if arguments.verb == "build":
            return bundle_work.build(arguments.folder, arguments.output, arguments.json)
        if arguments.verb == "inspect":
            return bundle_work.inspect(arguments.file, arguments.json)
        runs = arguments.runs if arguments.verb == "bench" else 1
        return bundle_work.measure(arguments.file, arguments.verb, runs, arguments.json)
    except (InferenceError, OSError) as error:
        show_error(str(error))
        return 1


def _runs(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 to 100000")
    return int(text)
