import platform

import pytest

pytestmark = pytest.mark.vm


def test_it_runs_on_arm64(record_property):
    record_property("machine", platform.machine())
    assert platform.machine() == "aarch64"
