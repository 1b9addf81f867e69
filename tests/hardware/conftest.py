"""Tests that need things wired to this box: skipped unless asked for with ``--hardware``."""

import pytest


@pytest.fixture
def hardware(request):
    """Skip a test that nobody asked for: its wiring stands at the top of its file."""
    if not request.config.getoption("--hardware"):
        pytest.skip("needs wires: see the top of the file, then pytest --hardware")
