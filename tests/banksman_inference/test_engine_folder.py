"""Engines on disk: built once, found again, and what is broken or outdated does not stay.

What an engine holds is TensorRT's affair; here it is bytes, written and read as the real ones are.
"""

import os
import threading

import msgspec
import pytest

from banksman_inference.engine_folder import (
    ENGINES_MAX,
    EngineFolder,
    EngineKey,
    read_engine,
    write_engine,
)
from banksman_inference.ports import InferenceError, ModelRefused

KEY = EngineKey("ab" * 32, "10.3.0", "12060.12060.8.7", "Orin", 1 << 28)


class Built:
    """Builds what it is told, and counts."""

    def __init__(self, engine=b"an engine"):
        self.engine = engine
        self.count = 0

    def __call__(self, file):
        self.count += 1
        write_engine(file, self.engine)


@pytest.fixture
def notes():
    return []


@pytest.fixture
def engines(tmp_path, notes):
    return EngineFolder(tmp_path / "engines", notes.append)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "engines" / KEY.file_name()


def test_an_engine_is_built_once_and_found_again(engines):
    build = Built()
    assert engines.open(KEY, build, bytes) == b"an engine"
    assert engines.open(KEY, build, bytes) == b"an engine"
    assert engines.reopen(KEY, bytes) == b"an engine"
    assert build.count == 1


@pytest.mark.parametrize(
    "harm",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[:20],
        lambda content: content[:-1] + b"\xff",
        lambda content: b"\0" + content[1:],
    ],
)
def test_a_damaged_engine_is_removed_counted_and_built_anew(engines, file, notes, harm):
    engines.open(KEY, Built(), bytes)
    file.write_bytes(harm(file.read_bytes()))
    seen = []
    assert engines.open(KEY, Built(b"the next"), lambda engine: seen.append(engine) or engine)
    assert seen == [b"the next"]  # nobody was given the damaged one
    assert engines.broken == 1
    assert file.name in notes[0]
    assert "damaged" in notes[0]


def test_an_engine_that_cannot_be_opened_is_built_anew_once_and_does_not_stay(engines, file):
    build = Built()
    engines.open(KEY, build, bytes)

    def refuse(engine):
        raise ModelRefused("of another GPU")

    for tries in (1, 2):
        with pytest.raises(ModelRefused, match="another GPU"):
            engines.open(KEY, build, refuse)
        assert build.count == 1 + tries
        assert not file.exists()
        assert list(file.parent.glob("*.new")) == []
    assert engines.broken == 1


def test_an_engine_is_kept_where_it_is_the_gpu_that_fails(engines, file):
    engines.open(KEY, Built(), bytes)

    def fail(engine):
        raise InferenceError("the GPU has no memory")

    with pytest.raises(InferenceError, match="no memory"):
        engines.open(KEY, Built(), fail)
    assert file.exists()
    assert engines.broken == 0


def test_a_build_that_fails_leaves_nothing(engines, file):
    def fail(file):
        file.write_bytes(b"half")
        raise ModelRefused("out of time")

    with pytest.raises(ModelRefused):
        engines.open(KEY, fail, bytes)
    assert [each.name for each in file.parent.iterdir()] == ["building"]


def test_engines_of_an_older_tensorrt_go_once_the_new_one_is_there(engines, file, notes):
    other = msgspec.structs.replace(KEY, onnx_sha256="cd" * 32)
    for key in (KEY, other):
        engines.open(key, Built(), bytes)
    (file.parent / "left.new").write_bytes(b"by a kill")
    newer = msgspec.structs.replace(KEY, tensorrt="11.0.0")
    engines.open(newer, Built(), bytes)
    names = {each.name for each in file.parent.iterdir()}
    assert names == {"building", newer.file_name(), other.file_name()}
    assert engines.outdated == 1
    assert "another TensorRT" in notes[0]


def test_only_the_newest_engines_are_kept(engines, file):
    keys = [
        msgspec.structs.replace(KEY, onnx_sha256=f"{number:064}"[::-1])
        for number in range(ENGINES_MAX + 2)
    ]
    for number, key in enumerate(keys):
        engines.open(key, Built(), bytes)
        os.utime(file.parent / key.file_name(), ns=(number, number))
    kept = {each.name for each in file.parent.glob("*.engine")}
    assert kept == {key.file_name() for key in keys[-ENGINES_MAX:]}
    assert engines.outdated == 2


def test_two_that_want_the_same_engine_build_one(engines):
    begun, go, build = threading.Event(), threading.Event(), Built()

    def slowly(file):
        begun.set()
        assert go.wait(30)
        build(file)

    got = []
    first = threading.Thread(target=lambda: got.append(engines.open(KEY, slowly, bytes)))
    first.start()
    assert begun.wait(30)
    second = threading.Thread(target=lambda: got.append(engines.open(KEY, build, bytes)))
    second.start()
    go.set()
    for thread in (first, second):
        thread.join(30)
    assert got == [b"an engine"] * 2
    assert build.count == 1


def test_nothing_is_built_when_it_is_opened_again(engines, file):
    file.parent.mkdir()
    with pytest.raises(ModelRefused, match="cannot be read"):
        engines.reopen(KEY, bytes)


def test_what_is_written_is_read(tmp_path):
    write_engine(tmp_path / "e", b"\0" * 1000)
    assert read_engine(tmp_path / "e") == b"\0" * 1000
