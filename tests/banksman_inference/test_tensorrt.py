"""What of TensorRT can be held without a GPU: absence, keys, the cache, and its tensors' edges.

The engine itself has not run: no GPU with TensorRT could be had. Nothing here stands in for it.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from importlib.util import find_spec

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from banksman_inference.edges import Edge, edges_of
from banksman_inference.engine_folder import EngineFolder, EngineKey
from banksman_inference.engines import bring_in, engine_key, upgrade
from banksman_inference.fallback import Candidate, FallbackNetwork
from banksman_inference.litert import LiteRtNetwork
from banksman_inference.ports import BackendMissing, TensorSpec
from banksman_inference.tensorrt import TensorRtNetwork, build_engine

KEY = EngineKey("ab" * 32, "10.3.0", "12060.12060.8.7", "Orin", 1 << 28)
without_tensorrt = pytest.mark.skipif(
    find_spec("tensorrt") is not None, reason="this box has TensorRT"
)


@pytest.mark.parametrize(
    "changes",
    [
        {"onnx_sha256": "cd" * 32},
        {"tensorrt": "11.0.0"},
        {"cuda": "13000.13000.8.7"},
        {"gpu": "Thor"},
        {"workspace_bytes": 1},
    ],
)
def test_an_engine_belongs_to_one_model_version_cuda_gpu_and_options(changes):
    assert msgspec.structs.replace(KEY, **changes).file_name() != KEY.file_name()


def test_the_same_key_names_the_same_file():
    assert EngineKey(*msgspec.structs.astuple(KEY)).file_name() == KEY.file_name()


@without_tensorrt
def test_without_tensorrt_the_error_names_the_remedy(bundle_of, int8_model):
    spec = TensorSpec("x", (1,), "float32")
    for call in (
        lambda: build_engine(b"onnx"),
        lambda: TensorRtNetwork("m", "1", b"engine", (spec,), (spec,)),
        lambda: engine_key(bundle_of(int8_model), "Orin"),
    ):
        with pytest.raises(BackendMissing, match="apt install"):
            call()


@without_tensorrt
def test_without_tensorrt_litert_serves_on(bundle_of, int8_model, tmp_path):
    bundle = bundle_of(int8_model)
    network = FallbackNetwork(
        "m", "1", [Candidate("litert", lambda: LiteRtNetwork("m", "1", bundle.model))], 1.0, int
    )
    with pytest.raises(BackendMissing):
        upgrade(bundle, network, EngineFolder(tmp_path, print), "Orin", nullcontext())
    network.run(np.zeros((1, 3), np.int8))
    assert network.status()[0].state == "serving"


def test_what_was_opened_elsewhere_serves_from_the_next_run_and_is_opened_again_after_a_fall(
    bundle_of, int8_model
):
    """With LiteRT's networks in TensorRT's place: who opens what, and when, is no matter of it."""
    bundle, opened = bundle_of(int8_model), []

    def open_one(name):
        opened.append((name, threading.current_thread().name))
        return LiteRtNetwork(name, "1", bundle.model)

    network = FallbackNetwork(
        "m", "1", [Candidate("litert", lambda: open_one("litert"))], 0.0, iter(range(99)).__next__
    )
    worker = threading.Thread(
        name="engine-m",
        target=lambda: bring_in(network, open_one("ready"), lambda: open_one("again")),
    )
    worker.start()
    worker.join()
    here = threading.current_thread().name
    assert opened == [("litert", here), ("ready", "engine-m")]
    network.run(np.zeros((1, 3), np.int8))
    assert [(each.name, each.state) for each in network.status()] == [
        ("tensorrt", "serving"), ("litert", "waiting"),
    ]  # fmt: skip
    assert len(opened) == 2
    network.close()


PICTURE = TensorSpec("picture", (1, 4, 6, 3), "int8", 1 / 64, -3)


@given(arrays.arrays(np.int8, PICTURE.shape))
def test_what_is_stored_comes_back_through_the_real_numbers(stored):
    for shape in (PICTURE.shape, (1, 3, 4, 6)):
        edge = Edge(PICTURE, shape)
        real = edge.to_real(stored)
        assert real.shape == shape
        assert real.dtype == np.float32
        assert real.flags.c_contiguous
        assert np.array_equal(edge.to_stored(real), stored)


def test_channels_are_moved_where_the_onnx_has_them_first():
    stored = np.arange(72, dtype=np.int8).reshape(PICTURE.shape)
    real = Edge(PICTURE, (1, 3, 4, 6)).to_real(stored)
    assert real[0, 2, 1, 5] == (stored[0, 1, 5, 2] + 3) / 64


@given(st.floats(-1e6, 1e6, width=32))
def test_a_real_number_beyond_the_type_counts_as_its_end(real):
    stored = Edge(PICTURE, PICTURE.shape).to_stored(np.full(PICTURE.shape, real, np.float32))
    wanted = min(127, max(-128, round(real * 64) - 3))
    assert abs(int(stored[0, 0, 0, 0]) - wanted) <= 1
    assert stored.dtype == np.int8


def test_a_float_tensor_passes_unchanged():
    spec = TensorSpec("x", (1, 5), "float32")
    values = np.linspace(-1, 1, 5, dtype=np.float32).reshape(1, 5)
    edge = Edge(spec, (1, 5))
    assert np.array_equal(edge.to_stored(edge.to_real(values)), values)


def test_a_map_that_looks_the_same_either_way_goes_with_the_others():
    """As stage3 of the backbone: 40 by 40 with 40 channels."""
    cube = TensorSpec("cube", (1, 4, 4, 4), "int8", 1.0, 0)
    stored = np.arange(64, dtype=np.int8).reshape(cube.shape)
    for other, moved in (((1, 3, 4, 6), True), (PICTURE.shape, False)):
        edge = edges_of([(PICTURE, other), (cube, cube.shape)])[1]
        real = edge.to_real(stored)
        assert real[0, 1, 2, 3] == stored[(0, 2, 3, 1) if moved else (0, 1, 2, 3)]
        assert np.array_equal(edge.to_stored(real), stored)


@pytest.mark.parametrize("shape", [(1, 3, 6, 4), (1, 6, 4, 3), (1, 72, 1, 1), (1, 4, 6)])
def test_another_shape_than_the_bundles_is_refused(shape):
    with pytest.raises(ValueError, match="in the bundle and"):
        Edge(PICTURE, shape)
