"""The C loop: what the machine and the wire allow at all."""

from __future__ import annotations

from pathlib import Path

from benchmarks.reaction.build import NotBuilt, compiled
from benchmarks.reaction.recipe import PeerMissing, Recipe, Setting

SOURCE = Path(__file__).parent / "cloop.c"


def prepare(setting: Setting) -> Recipe:
    """Compile it. Raises PeerMissing without libmodbus or libmosquitto."""
    try:
        program = compiled("cloop", [SOURCE], setting.cache, ("libmodbus", "libmosquitto"))
    except NotBuilt as error:
        raise PeerMissing(str(error)) from error
    return Recipe(command=(str(program),), environ=setting.environ())
