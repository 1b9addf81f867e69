"""`results/latest.json`: the last measurement of every area, and where it was taken.

Rules of this file
- A run of one area replaces that area's figures and keeps the others.
- What stands at the top (commit, when, machine) holds for every figure that does not say
  otherwise: a kept figure carries its own where it differs.
- The file is replaced whole: a sibling, fsync, rename.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.figure import Figure

Document = dict[str, Any]
PROVENANCE = ("commit", "when", "machine")


def merged(
    before: Document,
    areas: Sequence[str],
    figures: Sequence[Figure],
    provenance: Mapping[str, object],
) -> Document:
    """The new document: ``areas`` measured afresh, the rest kept with where it came from."""
    kept = [
        _attributed(old, before, provenance)
        for old in before.get("figures", [])
        if old["name"].partition(".")[0] not in areas
    ]
    fresh = [msgspec.to_builtins(figure) for figure in figures]
    return {
        **{key: provenance[key] for key in ("machine", "commit", "when")},
        "figures": sorted(kept + fresh, key=lambda each: str(each["name"])),
    }


def _attributed(
    old: Document, before: Document, provenance: Mapping[str, object]
) -> dict[str, object]:
    own = {key: old.get(key, before.get(key)) for key in PROVENANCE}
    bare = {key: value for key, value in old.items() if key not in PROVENANCE}
    return bare | {key: own[key] for key in PROVENANCE if own[key] != provenance[key]}


def load(path: Path) -> Document:
    """The document, or an empty one before the first run."""
    return json.loads(path.read_text()) if path.exists() else {"figures": []}


def save(path: Path, document: Document) -> None:
    """Replace the file in one step, so that a run that is cut short leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    with beside.open("w") as file:
        json.dump(document, file, indent=1, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def machine() -> dict[str, object]:
    """What the figures were taken on, without naming it."""
    return {
        "cpu": _cpu_model(Path("/proc/cpuinfo")),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1_000_000,
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def commit(repo: Path) -> str:
    """The commit measured, with ``+changes`` where tracked files differ from it."""
    # What a run itself writes is no change of what was measured.
    tracked = ("--", ".", ":(exclude)benchmarks/results", ":(exclude)docs/benchmarks.md")
    head = _git(repo, "rev-parse", "--short=12", "HEAD")
    changes = _git(repo, "status", "--porcelain", "--untracked-files=no", *tracked)
    return (head or "unknown") + ("+changes" if changes else "")


def _git(repo: Path, *arguments: str) -> str:
    answer = subprocess.run(
        ["git", *arguments], cwd=repo, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()


def _cpu_model(cpuinfo: Path) -> str:
    """x86 names the model; ARM boards only name the board, elsewhere."""
    board = Path("/proc/device-tree/model")
    for line in cpuinfo.read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return board.read_text().strip("\0\n") if board.exists() else platform.processor() or "unknown"
