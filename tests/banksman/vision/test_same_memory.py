"""The same parts and seed give the same memory, however many threads the algebra may use."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parents[2] / "support"
LEARN = """
import hashlib, sys
from importlib.resources import files
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import made_product
from banksman.vision.fitting import fit
from banksman.vision.preprocessing import Preprocessing
from banksman_inference.bundle import MODEL, read_bundle
from banksman_inference.litert import LiteRtNetwork

shipped = Path(str(files("banksman_inference.backbone") / "efficientnet-lite0.bundle"))
network = LiteRtNetwork("backbone", "1", read_bundle(shipped).members[MODEL])
good = [made_product.part(seed, 96) for seed in range(20)]
found = fit(network, Preprocessing(320, 320), good, seed=int(sys.argv[2]))
print(hashlib.sha256(found.memory.to_bytes()).hexdigest())
"""


def learn(threads, seed):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads)}
    command = [sys.executable, "-c", LEARN, str(SUPPORT), str(seed)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.timeout(900)
def test_the_same_parts_and_seed_give_the_same_memory_on_any_number_of_threads():
    one, other = learn(1, 3), learn(2, 3)
    assert len(one) == 2 * hashlib.sha256().digest_size
    assert one == other
