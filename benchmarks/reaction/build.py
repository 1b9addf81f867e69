"""Compiles the bench's C parts into the cache, anew only when their sources have changed."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror")


class NotBuilt(RuntimeError):
    """The compiler or a library is missing; the message has the compiler's words."""


def compiled(name: str, sources: Sequence[Path], cache: Path, packages: Sequence[str] = ()) -> Path:
    """The program ``name`` made of ``sources``, linked with these pkg-config packages.

    Raises NotBuilt.
    """
    headers = sorted(path for source in sources for path in source.parent.glob("*.h"))
    texts = b"".join(path.read_bytes() for path in [*sources, *headers])
    digest = hashlib.sha256(texts).hexdigest()[:12]
    program = cache / f"{name}-{digest}"
    if program.exists():
        return program
    cache.mkdir(parents=True, exist_ok=True)
    libraries = (
        shlex.split(_output(["pkg-config", "--cflags", "--libs", *packages], name))
        if (packages)
        else []
    )
    beside = program.with_suffix(".new")
    _output(["cc", *FLAGS, "-o", str(beside), *map(str, sources), *libraries, "-lpthread"], name)
    beside.replace(program)
    return program


def _output(command: list[str], name: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError as error:
        raise NotBuilt(f"{name} needs {command[0]}; run image-build/apt-needs.sh bench") from error
    except subprocess.CalledProcessError as error:
        raise NotBuilt(f"{name} could not be built: {error.stderr.strip()[:400]}") from error
