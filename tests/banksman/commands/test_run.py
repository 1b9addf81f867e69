"""`banksman run`: what it settles before anything is imported."""

import os
import subprocess
import sys

import pytest

# Without a config the daemon ends once it has imported everything.
PROGRAM = """\
import os, sys
from banksman.cli import main
main(["run", "--config", "none.toml"])
from banksman_inference.one_thread import _library
handle, name = _library()
print(os.environ["OMP_NUM_THREADS"], getattr(handle, name.format("get"))())
"""


@pytest.mark.parametrize(("told", "threads"), [({}, "1 1"), ({"OMP_NUM_THREADS": "2"}, "2 1")])
def test_numpy_has_one_thread_unless_the_site_says_otherwise(tmp_path, told, threads):
    pools = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environ = {name: value for name, value in os.environ.items() if name not in pools}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environ | told, cwd=tmp_path, capture_output=True,
        text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == threads
    assert "none.toml" in done.stderr
