"""Running one command in this process, as the command line does."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import pytest

from banksman.commands import check, rules

ROOT = Path(__file__).parents[3]


@pytest.fixture
def root():
    """The repository."""
    return ROOT


@pytest.fixture
def run(capsys):
    """``run("check", file)`` gives (exit code, standard output)."""

    def command(*arguments):
        parser = argparse.ArgumentParser()
        commands = parser.add_subparsers(required=True)
        check.register(commands)
        rules.register(commands)
        chosen = parser.parse_args([str(argument) for argument in arguments])
        capsys.readouterr()
        code = chosen.run(chosen)
        return code, capsys.readouterr().out

    return command


@pytest.fixture
def banksman():
    """``await banksman("safe", …)`` runs the installed program: exit code, output, errors."""

    async def command(*arguments):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "banksman.cli",
            *map(str, arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
        return process.returncode, out.decode(), errors.decode()

    return command
