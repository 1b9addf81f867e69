"""`banksman commission`: teach an inspection what good parts look like, step by step.

It asks the running daemon, which has the camera; what was taken and learnt stays there, so that the
command may be ended and begun again at any step.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from banksman.commands.options import Subparsers, add_daemon_options
from banksman.errors import BanksmanError

if TYPE_CHECKING:
    from banksman.commands.client import Client

LOOK_S = 0.5
# A new bundle is loaded and tried in another process before the daemon answers.
STEP_S = 180.0
SAY = "banksman commission"
BINS = 20
BAR = 40

EPILOG = """\
examples:
  banksman commission caps                        how far it is, and what comes next
  banksman commission caps --good 100             take 100 good parts while the line runs
  banksman commission caps --defects scratch=10   take 10 scratched ones
  banksman commission caps --parts                list them: is the oddest one really good?
  banksman commission caps --remove good-0007     learn from this one no more (--put-back)
  banksman commission caps --learn                learn, and show what each limit would do
  banksman commission caps --rate 0.01            save a bundle, and try it silently
  banksman commission caps --confirm              put it in use
  banksman commission caps --good 100 --learn --rate 0.01 --confirm    all in one

exit codes: 0 done, 1 refused, 2 wrong usage, 6 no daemon answers
"""


class NoInspection(BanksmanError, LookupError):
    """The daemon has none of that name; the message tells which there are."""


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "commission",
        help="teach a visual inspection from good parts",
        description="Takes parts from the camera, learns what good looks like, shows what each\n"
        "limit would do, saves a bundle, tries it and puts it in use. Steps given together are\n"
        "done in this order. Nothing is written to a machine. Works over the daemon's Unix socket.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("inspection", help="id of the [[inspection]], or of its camera")
    parser.add_argument("--good", type=_number, metavar="N", help="take so many good parts")
    parser.add_argument(
        "--good-folder", type=Path, metavar="DIR", help="take the pictures of a folder instead"
    )
    parser.add_argument(
        "--defects", type=_counted, metavar="CLASS=N", help="take so many defects of a class"
    )
    parser.add_argument(
        "--defects-folder", type=_labelled, metavar="CLASS=DIR", help="… from a folder instead"
    )
    parser.add_argument("--parts", action="store_true", help="list the parts, the oddest first")
    parser.add_argument(
        "--remove", type=_part, nargs="+", default=[], metavar="ID", help="learn from these no more"
    )
    parser.add_argument(
        "--put-back",
        type=_part,
        nargs="+",
        default=[],
        metavar="ID",
        help="… learn from them again",
    )
    parser.add_argument("--learn", action="store_true", help="learn from the parts")
    parser.add_argument(
        "--rate", type=_rate, help="share of good parts that may be doubtful, as 0.01; save and try"
    )
    parser.add_argument(
        "--stop-rate", type=_rate, help="share that may be critical (default: a tenth of --rate)"
    )
    parser.add_argument("--confirm", action="store_true", help="put the bundle on trial in use")
    parser.add_argument("--roll-back", action="store_true", help="use the bundle before again")
    parser.add_argument("--pause", action="store_true", help="take no more parts, end the learning")
    parser.add_argument("--forget", action="store_true", help="forget the parts that were taken")
    add_daemon_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do the steps in order."""
    from banksman.commands.client import Client

    client = Client(arguments.url, arguments.socket)
    name = _station(client, arguments.inspection)
    path = f"/api/v1/inspections/{quote(name, safe='')}/commission"
    tell: Callable[[str], None] = (
        (lambda _: None) if arguments.json else (lambda text: print(text, file=sys.stderr))
    )
    view: dict[str, Any] = client.get(path)
    for step, body in _steps(arguments):
        view = client.post(f"{path}/{step}", body, STEP_S)
        try:
            view = _wait(client, path, view, tell)
        except KeyboardInterrupt:
            tell(f"the daemon goes on without this command; to end it: {SAY} {name} --pause")
            raise
        if view["problem"] and view["phase"] == "collected" and step in ("fit", "collect"):
            print(f"banksman: {view['problem']}", file=sys.stderr)
            return 1
    if arguments.parts:
        parts = client.get(f"{path}/parts")
        print(json.dumps(parts) if arguments.json else "\n".join(part_lines(parts["parts"])))
    else:
        print(json.dumps(view) if arguments.json else "\n".join(lines(view)))
    return 0


def _steps(arguments: argparse.Namespace) -> list[tuple[str, dict[str, Any] | None]]:
    steps: list[tuple[str, dict[str, Any] | None]] = []
    if arguments.pause:
        steps.append(("pause", None))
    if arguments.roll_back:
        steps.append(("roll_back", None))
    if arguments.forget:
        steps.append(("drop", None))
    if arguments.good:
        steps.append(("collect", {"what": "good", "wanted": arguments.good}))
    if arguments.good_folder:
        folder = str(arguments.good_folder.absolute())
        steps.append(("collect", {"what": "good", "folder": folder}))
    if arguments.defects:
        label, number = arguments.defects
        steps.append(("collect", {"what": "defect", "label": label, "wanted": number}))
    if arguments.defects_folder:
        label, place = arguments.defects_folder
        folder = str(Path(place).absolute())
        steps.append(("collect", {"what": "defect", "label": label, "folder": folder}))
    steps += [(f"parts/{part}/remove", None) for part in arguments.remove]
    steps += [(f"parts/{part}/put_back", None) for part in arguments.put_back]
    if arguments.learn:
        steps.append(("fit", None))
    if arguments.rate:
        steps.append(("save", {"rate": arguments.rate, "stop_rate": arguments.stop_rate}))
    if arguments.confirm:
        steps.append(("confirm", None))
    return steps


def _wait(
    client: Client, path: str, view: dict[str, Any], tell: Callable[[str], None]
) -> dict[str, Any]:
    """Until nothing runs any more, telling how far it is."""
    told = ""
    while view["phase"] in ("collecting", "fitting"):
        now = (
            f"{view['good']} good parts, {sum(view['defects'].values())} defects; "
            f"{view['wanted']} to come{'; ' if view['no_picture'] else ''}{view['no_picture']}"
            if view["phase"] == "collecting"
            else f"learning: {100 * view['progress']:.0f} % {view['doing']}"
        )
        if now != told:
            tell(now)
            told = now
        time.sleep(LOOK_S)
        view = client.get(path)
    return view


def _station(client: Client, name: str) -> str:
    """The inspection of that id, or the only one of that camera."""
    found = client.get("/api/v1/inspections")["inspections"]
    ids = [str(each["id"]) for each in found]
    of_camera = [str(each["id"]) for each in found if each["camera"] == name]
    if name in ids:
        return name
    if len(of_camera) == 1:
        return of_camera[0]
    if of_camera:
        raise NoInspection(f"{name} has several inspections; name one: {', '.join(of_camera)}")
    there = f"there are {', '.join(ids)}" if ids else "the config has no [[inspection]]"
    raise NoInspection(f"no inspection or camera is called {name}; {there}")


def lines(view: dict[str, Any]) -> list[str]:
    """How far it is, for people."""
    defects = ", ".join(f"{number} {label}" for label, number in view["defects"].items())
    out = [
        f"{view['station']}: {view['phase']}; in use: {view['in_use'] or 'nothing'}"
        + (f", before: {view['before']}" if view["before"] else ""),
        f"  {view['good']} good parts, defects: {defects or 'none'}",
    ]
    if view["passed_over"]:
        out.append(f"  {view['passed_over']} frames passed over: nothing had moved")
    out += [f"  ! {each}" for each in (view["problem"], view["no_picture"]) if each]
    out += [f"  ? {each}" for each in view["remarks"]]
    if view["good_scores"]:
        out += ["", *histogram(view["good_scores"], view["defect_scores"]), ""]
        out += [_choice(each) for each in view["choices"]]
    if view["candidate"]:
        trial = view["trial"]
        out.append(
            f"on trial: {view['candidate']}, doubtful over {view['warning']:.2f}, critical over "
            f"{view['critical']:.2f}; {trial['seen']} looked at, {trial['warnings']} doubtful, "
            f"{trial['criticals']} critical"
        )
    return [*out, _next(view)]


def part_lines(parts: list[dict[str, Any]]) -> list[str]:
    """Every part, the oddest good ones first, for people."""
    if not parts:
        return ["no part was taken yet"]
    out = ["  part                      rarity  from the others"]
    for part in parts:
        rarity = f"{part['rarity']:.2f}" if part["rarity"] is not None else "-"
        far = f"{part['far']:.1f} x" if part["far"] is not None else "-"
        word = "removed" if part["removed"] else "is this one really good?" if part["odd"] else ""
        out.append(f"  {part['id']:<24} {rarity:>7}  {far:>8}  {word}".rstrip())
    return out


def _part(text: str) -> str:
    if not re.fullmatch(r"(good|defect)-[a-z0-9_-]{1,48}", text):
        raise argparse.ArgumentTypeError(f"{text} is not like good-0007; --parts lists them")
    return text


def _next(view: dict[str, Any]) -> str:
    station, in_use = view["station"], view["in_use"]
    if in_use and view["phase"] == "collected" and view["good_scores"]:
        return f"{in_use} is in use; for another limit: {SAY} {station} --rate 0.005"
    return f"next: {_NEXT[view['phase']].format(station)}"


_NEXT = {
    "idle": "let good parts pass and say banksman commission {} --good 100",
    "collecting": "let parts pass",
    "collected": "banksman commission {} --learn",
    "fitting": "wait",
    "fitted": "banksman commission {} --rate 0.01",
    "trial": "let parts pass, look at the counts, then banksman commission {} --confirm",
}


def histogram(good: list[float], defects: list[float]) -> list[str]:
    """Scores as bars: # good parts, x defects."""
    end = max([*good, *defects, 1e-9])
    rows = []
    for place in range(BINS):
        low, high = end * place / BINS, end * (place + 1) / BINS
        last = place == BINS - 1

        def within(score: float, low: float = low, high: float = high, last: bool = last) -> bool:
            return low <= score and (score < high or last)

        marks = [sum(map(within, scores)) for scores in (good, defects)]
        bars = [
            round(BAR * count / max(1, len(good) + len(defects))) or int(count > 0)
            for count in marks
        ]
        rows.append(f"  {low:6.2f} {'#' * bars[0]}{'x' * bars[1]}")
    return ["  score  # good parts, x defects", *rows]


def _choice(choice: dict[str, Any]) -> str:
    stops, caught = choice["false_stops"], choice["caught"]
    found = f", {caught['count']} of {caught['of']} defects caught" if caught["of"] else ""
    proof = "" if choice["proven"] else "; so few parts cannot prove it"
    return (
        f"  --rate {choice['rate']:<6g} doubtful over {choice['threshold']:.2f}: "
        f"{stops['count']} of {stops['of']} good parts (at most {100 * stops['high']:.1f} %)"
        f"{found}{proof}"
    )


def _number(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= 1000:
        raise argparse.ArgumentTypeError(f"{text} is not 1 to 1000")
    return value


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _labelled(text: str) -> tuple[str, str]:
    label, equals, rest = text.partition("=")
    if not (label and equals and rest):
        raise argparse.ArgumentTypeError(f"{text} is not like scratch=10")
    return label, rest


def _counted(text: str) -> tuple[str, int]:
    label, number = _labelled(text)
    return label, _number(number)
