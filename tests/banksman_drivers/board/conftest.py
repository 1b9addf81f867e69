"""The captured boards, and folders that look like a board."""

from pathlib import Path

import pytest

from banksman_drivers.board.read import read_board
from banksman_drivers.file_tree import Tree

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def captured():
    """``captured("pi_4")`` is that board's profile."""
    return lambda name: read_board(Tree(FIXTURES / name))


@pytest.fixture
def box(tmp_path):
    """``box({"proc/cpuinfo": "…"})`` is a tree of these files."""

    def make(files):
        for path, content in files.items():
            place = tmp_path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())
        return Tree(tmp_path)

    return make
