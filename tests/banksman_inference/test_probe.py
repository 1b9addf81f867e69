"""Models are tried in a process of their own: whatever they do, this process goes on."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest
from tiny_tflite import (
    gather_out_of_bounds,
    matmul_for_minutes,
    split_into_nothing,
    tile_without_end,
)

from banksman_inference.choosing import BoardFacts
from banksman_inference.golden import Case, made_inputs, pack_cases
from banksman_inference.litert import KERNELS
from banksman_inference.loading import load_network, make_trial, try_kernels
from banksman_inference.manifest import Golden
from banksman_inference.ports import ModelRefused, TensorSpec
from banksman_inference.probe import Prober
from banksman_inference.probe_memory import ProbeMemory
from banksman_inference.trial import Report, Trial

FLAT = TensorSpec("x", (4, 4), "float32")
SQUARE = TensorSpec("x", (1024, 1024), "float32")


FLAT_OUT = TensorSpec("y", (4, 4), "float32")


def tries(model, inputs=(FLAT,), outputs=(FLAT_OUT,), **limits):
    """A trial that asks for no particular numbers."""
    case = Case(made_inputs(inputs, 0), tuple(np.zeros(s.shape, s.dtype) for s in outputs))
    golden = Golden(cases=1, tolerance_lsb=16, tolerance=1e9)
    return Trial(model, pack_cases([case]), inputs, outputs, golden, **limits)


@pytest.fixture
def trial(bundle_of, int8_model):
    return make_trial(bundle_of(int8_model), "default")


def test_a_good_model_passes_with_its_times_and_difference(prober, trial):
    report = prober.trial(trial)
    assert report.refused == ""
    assert 0 < report.p50_us <= report.p99_us
    assert report.difference.lsb <= 1
    assert "lite" in report.runtime


def test_a_model_that_kills_its_runtime_is_refused_and_the_next_is_tried(prober, trial):
    report = prober.trial(tries(split_into_nothing()))
    assert report.refused
    assert prober.trial(trial).refused == ""


def test_a_model_that_raises_when_run_is_refused_with_the_reason(prober):
    model = gather_out_of_bounds()
    gives = (TensorSpec("y", (2, 4), "float32"),)
    report = prober.trial(tries(model, outputs=gives))
    assert "run failed" in report.refused
    assert not report.crashed


def test_a_model_that_wants_all_memory_is_refused(prober, trial):
    assert prober.trial(tries(tile_without_end(), memory_mib=64)).refused
    assert prober.trial(trial).refused == ""


def test_a_model_that_is_not_done_in_time_is_ended_and_refused(prober, trial):
    report = prober.trial(msgspec.structs.replace(trial, time_s=0.0))
    assert "not done within 0 s" in report.refused
    assert (report.late, report.crashed) == (True, False)
    assert prober.trial(trial).refused == ""


def test_a_child_that_never_comes_back_is_ended_and_told_from_one_that_crashed(prober, trial):
    endless = tries(matmul_for_minutes(), (SQUARE,), (SQUARE,), time_s=1.0)
    report = prober.trial(endless)
    assert "not done within 1 s" in report.refused
    assert (report.late, report.crashed) == (True, False)
    assert prober.trial(trial).refused == ""


class Impatient(Prober):
    """Gives these kernels no time; all else is a real trial in a real child."""

    def __init__(self, *kernels):
        super().__init__()
        self.kernels = kernels

    def trial(self, trial):
        hurried = trial.kernels in self.kernels
        return super().trial(msgspec.structs.replace(trial, time_s=0.0) if hurried else trial)


def test_kernels_that_are_too_slow_leave_the_bundle_to_the_next(bundle_of, int8_model):
    notes = []
    with Impatient("default") as hurried:
        network = load_network(
            bundle_of(int8_model), BoardFacts(), hurried, ProbeMemory(None), int, notes.append
        )
    network.run(np.zeros((1, 3), np.int8))
    assert [each.name for each in network.status()] == ["litert-builtin"]
    assert "litert-default is left out, as it was not done within 0 s" in notes[0]
    network.close()


def test_where_all_fast_kernels_are_too_slow_the_reference_ones_serve(bundle_of, int8_model):
    with Impatient("default", "builtin") as hurried:
        reports = try_kernels(bundle_of(int8_model), hurried, ProbeMemory(None))
    assert [bool(reports[each].refused) for each in KERNELS] == [True, True, False]


def test_a_bundle_is_refused_where_every_kernel_is_too_slow_and_the_next_start_tries_again(
    bundle_of, int8_model
):
    bundle, memory = bundle_of(int8_model), ProbeMemory(None)
    with Impatient(*KERNELS) as hurried:
        with pytest.raises(ModelRefused, match="when the box has less to do"):
            load_network(bundle, BoardFacts(), hurried, memory, int, print)
        hurried.kernels = ()
        load_network(bundle, BoardFacts(), hurried, memory, int, print).close()


def test_other_outputs_than_the_golden_ones_are_refused_with_how_far_they_are_off(prober, trial):
    out = trial.outputs[0]
    wrong = Case(made_inputs(trial.inputs, 0), (np.full(out.shape, 3, out.dtype),))
    report = prober.trial(
        msgspec.structs.replace(trial, cases=pack_cases([wrong]), golden=Golden(cases=1))
    )
    assert "off the golden ones by" in report.refused
    assert report.difference.lsb > 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"shape": (1, 4)}, "the manifest tells"),
        ({"dtype": "uint8"}, "the manifest tells"),
        ({"scale": 0.5}, "the manifest tells"),
        ({"zero_point": 1}, "the manifest tells"),
    ],
)
def test_a_model_of_another_shape_than_the_manifest_tells_is_refused(prober, trial, changes, told):
    other = (msgspec.structs.replace(trial.inputs[0], **changes),)
    assert told in prober.trial(msgspec.structs.replace(trial, inputs=other)).refused


def test_golden_cases_that_do_not_fit_are_refused(prober, trial):
    report = prober.trial(msgspec.structs.replace(trial, golden=Golden(cases=3)))
    assert "golden.npz: input_0" in report.refused
    assert "no zip" in prober.trial(msgspec.structs.replace(trial, cases=b"junk")).refused


def test_hundreds_of_damaged_models_leave_this_process_alive(prober, trial):
    chance = random.Random(4)
    outcomes = {"refused": 0, "passed": 0}
    for number in range(240):
        model = bytearray(trial.model)
        if number % 3 == 0:
            del model[chance.randrange(len(model)) :]
        else:
            for _ in range(chance.choice((1, 2, 8))):
                model[chance.randrange(len(model))] = chance.randrange(256)
        report = prober.trial(
            msgspec.structs.replace(trial, model=bytes(model), runs=1, time_s=10.0)
        )
        outcomes["refused" if report.refused else "passed"] += 1
    # A changed name or a weight off by one passes; most damage does not.
    assert outcomes["refused"] > 120
    assert prober.trial(trial).refused == ""


def test_damaged_models_of_mlperf_tiny_leave_this_process_alive(prober, mlperf_tiny):
    from banksman_inference.golden import make_case
    from banksman_inference.litert import LiteRtNetwork

    model = (mlperf_tiny / "kws_ref_model.tflite").read_bytes()
    oracle = LiteRtNetwork("oracle", "", model, kernels="reference")
    cases = pack_cases([make_case(oracle, made_inputs(oracle.inputs, 0))])
    whole = Trial(model, cases, oracle.inputs, oracle.outputs, Golden(cases=1), runs=1)
    chance = random.Random(5)
    for number in range(60):
        damaged = bytearray(model)
        if number % 2:
            del damaged[chance.randrange(len(damaged)) :]
        for _ in range(16):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        prober.trial(msgspec.structs.replace(whole, model=bytes(damaged)))
    assert prober.trial(whole).refused == ""


def test_a_prober_whose_child_was_killed_says_so_and_starts_another(trial):
    from banksman_inference.probe import ProbeFailed

    with Prober() as prober:
        assert prober.trial(trial).refused == ""
        prober._child.kill()
        prober._child.wait()
        with pytest.raises(ProbeFailed, match="try again"):
            prober.trial(trial)
        assert prober.trial(trial).refused == ""


def test_a_pass_is_remembered_over_a_restart_and_a_refusal_is_not(tmp_path, trial):
    file = tmp_path / "passed.json"
    first = ProbeMemory(file, "Pi 5")
    key = first.key(trial, "litert 2.3")
    first.put(key, Report(p50_us=5.0))
    other = first.key(msgspec.structs.replace(trial, threads=2), "litert 2.3")
    first.put(other, Report(refused="off"))
    again = ProbeMemory(file, "Pi 5")
    assert again.get(key) == Report(p50_us=5.0)
    assert again.get(other) is None


def test_a_pass_counts_for_no_other_runtime_board_kernels_or_model(trial):
    memory = ProbeMemory(None, "Pi 5")
    keys = {
        memory.key(trial, "litert 2.3"),
        memory.key(trial, "litert 2.4"),
        ProbeMemory(None, "Pi 4").key(trial, "litert 2.3"),
        memory.key(msgspec.structs.replace(trial, kernels="builtin"), "litert 2.3"),
        memory.key(msgspec.structs.replace(trial, model=trial.model + b"x"), "litert 2.3"),
    }
    assert len(keys) == 5


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": 1}', b"\xff" * 300_000])
def test_a_damaged_memory_is_an_empty_one(tmp_path, content, trial):
    file = tmp_path / "passed.json"
    file.write_bytes(content)
    memory = ProbeMemory(file)
    memory.put(memory.key(trial, "r"), Report())
    assert ProbeMemory(file).get(memory.key(trial, "r")) == Report()


def test_the_memory_is_bounded(trial):
    memory = ProbeMemory(None)
    for number in range(100):
        memory.put(str(number), Report())
    assert memory.get("35") is None
    assert memory.get("36") == Report()


def test_a_known_bundle_is_not_tried_again(prober, bundle_of, int8_model):
    memory = ProbeMemory(None)
    bundle = bundle_of(int8_model)
    first = try_kernels(bundle, prober, memory)
    before = prober.trials
    assert try_kernels(bundle, prober, memory) == first
    assert prober.trials == before


def test_a_bundle_whose_model_crashes_is_refused_by_name(prober, bundle_of, int8_model, draft_of):
    from banksman_inference.bundle import GOLDEN, MODEL, pack_bundle, parse_bundle

    manifest, members = draft_of(int8_model)
    trial = tries(split_into_nothing())
    harmful = msgspec.structs.replace(
        manifest,
        inputs=trial.inputs,
        outputs=trial.outputs,
        golden=trial.golden,
        features=tuple(f"f{number}" for number in range(16)),
        labels=tuple(f"l{number}" for number in range(16)),
    )
    data = pack_bundle(harmful, {MODEL: trial.model, GOLDEN: trial.cases})
    with pytest.raises(ModelRefused, match=r"bundle bad\.bundle: "):
        load_network(
            parse_bundle(data, "bad.bundle"), BoardFacts(), prober, ProbeMemory(None), int, print
        )
    assert members
