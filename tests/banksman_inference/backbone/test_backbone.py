"""The shipped backbone: what it is, and that it sees what its record says."""

import hashlib
import io
import pickle
from importlib.resources import files
from pathlib import Path

import msgspec
import numpy as np
import pytest

from banksman_inference.backbone.weights import WeightsRefused, read_weights
from banksman_inference.bundle import MODEL, read_bundle
from banksman_inference.choosing import BoardFacts
from banksman_inference.litert import LiteRtNetwork
from banksman_inference.loading import load_network
from banksman_inference.probe import Prober
from banksman_inference.probe_memory import ProbeMemory

FOLDER = Path(str(files("banksman_inference.backbone")))
BUNDLE = FOLDER / "efficientnet-lite0.bundle"
OUTPUTS = [(1, 80, 80, 24), (1, 40, 40, 40), (1, 20, 20, 80), (1, 20, 20, 112), (1, 10, 10, 192)]


def test_the_bundle_is_the_one_of_its_record_and_small_enough_to_ship():
    record = msgspec.json.decode((FOLDER / "efficientnet-lite0.json").read_bytes())
    content = BUNDLE.read_bytes()
    assert hashlib.sha256(content).hexdigest() == record["sha256"]
    assert len(content) < 6_000_000


def test_the_record_says_that_int8_keeps_what_float_sees():
    record = msgspec.json.decode((FOLDER / "efficientnet-lite0.json").read_bytes())
    assert min(record["cosine_mean"].values()) > 0.94
    assert record["cosine_mean"]["stage5"] > 0.97
    assert record["top1_agreement"] > 0.7


def test_the_network_takes_pixels_less_128_and_gives_six_maps():
    network = LiteRtNetwork("backbone", "1", read_bundle(BUNDLE).members[MODEL])
    (taken,) = network.inputs
    assert (taken.shape, taken.dtype) == ((1, 320, 320, 3), "int8")
    assert taken.scale == pytest.approx(1 / 128)
    assert taken.zero_point == -1
    assert [spec.shape for spec in network.outputs] == [*OUTPUTS, (1, 10, 10, 1280)]


def test_the_fast_kernels_serve_it():
    """The plain ones would take fifty times as long."""
    with Prober() as prober:
        network = load_network(
            read_bundle(BUNDLE), BoardFacts(), prober, ProbeMemory(None), int, print
        )
    assert [each.name for each in network.status()] == ["litert-default", "litert-builtin"]
    assert network.status()[0].state == "serving"


def test_its_licence_and_origin_travel_with_it():
    manifest = read_bundle(BUNDLE).manifest
    assert "Apache-2.0" in manifest.licence
    assert "ML Illustrated" in manifest.licence


class _Evil:
    def __reduce__(self):
        return (print, ("the file ran a program",))


def test_a_weights_file_that_is_a_program_is_refused(tmp_path):
    file = tmp_path / "evil.pth"
    file.write_bytes(pickle.dumps(_Evil()))
    with pytest.raises(WeightsRefused, match="print"):
        read_weights(file)


@pytest.mark.parametrize("content", [b"", b"\x80", b"not a pickle", pickle.dumps([1, 2])])
def test_a_weights_file_that_is_none_is_refused(tmp_path, content):
    file = tmp_path / "odd.pth"
    file.write_bytes(content)
    with pytest.raises(WeightsRefused):
        read_weights(file)


def _stream(views: object, raw: bytes) -> bytes:
    out = io.BytesIO()
    for each in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(each, out, protocol=2)
    out.write(views if isinstance(views, bytes) else pickle.dumps(views, protocol=2))
    pickle.dump(["0"], out, protocol=2)
    out.write(raw)
    return out.getvalue()


def _saved(offset: int, shape: tuple[int, ...], strides: tuple[int, ...], count: int) -> bytes:
    """A state dictionary of one array as PyTorch writes it, opcode by opcode."""

    def number(value: int) -> bytes:
        return b"J" + value.to_bytes(4, "little", signed=True)

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(number(value) for value in values) + b"t"

    def text(value: bytes) -> bytes:
        return b"X" + len(value).to_bytes(4, "little") + value

    storage = b"(" + text(b"storage") + b"ctorch\nFloatStorage\n" + text(b"0") + text(b"cpu")
    storage += number(count) + b"NtQ"
    array = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(offset) + numbers(shape)
    array += numbers(strides) + b"\x89NtR"
    return b"\x80\x02}" + text(b"weight") + array + b"s."


def test_an_array_is_read_through_its_strides(tmp_path):
    file = tmp_path / "plain.pth"
    values = np.arange(6, dtype="<f4")
    raw = (6).to_bytes(8, "little") + values.tobytes()
    file.write_bytes(_stream(_saved(0, (3, 2), (1, 3), 6), raw))
    (array,) = read_weights(file).values()
    assert np.array_equal(array, values.reshape(2, 3).T)


def test_an_array_that_reaches_beyond_its_storage_is_refused(tmp_path):
    file = tmp_path / "beyond.pth"
    raw = (6).to_bytes(8, "little") + np.arange(6, dtype="<f4").tobytes()
    file.write_bytes(_stream(_saved(2, (3, 2), (1, 3), 6), raw))
    with pytest.raises(WeightsRefused, match="beyond"):
        read_weights(file)
