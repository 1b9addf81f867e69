"""From a bundle to a network that runs: choose, try in another process, load, fall back.

    choose ── each kernel set of LiteRT: known pass, or a trial ── candidates ── FallbackNetwork
                 ├ a crash: the whole bundle is refused               └ TensorRT once it is built
                 └ too slow, off the golden outputs: only these kernels are

Rules of this file
- Nothing of the bundle's model is loaded in this process before a trial of the very same bytes with
  the very same kernels was passed.
- The fastest kernels whose golden outputs are within the bundle's tolerance come first.
- It blocks for the trials: seconds for a new model, nothing for one that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from contextlib import AbstractContextManager, nullcontext

from banksman_inference.bundle import GOLDEN, Bundle, refused
from banksman_inference.choosing import BoardFacts, choose, memory_flaw
from banksman_inference.crash_watch import CrashWatch
from banksman_inference.crashes import REMEDY, CrashBook
from banksman_inference.fallback import Candidate, FallbackNetwork
from banksman_inference.golden import Case, unpack_cases
from banksman_inference.litert import KERNELS, Kernels, LiteRtNetwork, find_runtime
from banksman_inference.ports import InferenceError, ModelRefused, Network
from banksman_inference.probe import Prober
from banksman_inference.probe_memory import ProbeMemory
from banksman_inference.trial import Report, Trial

# Slow by a factor of ten to a hundred: only where neither of the others gives the golden outputs.
_LAST_RESORT: Kernels = "reference"


def load_network(
    bundle: Bundle,
    board: BoardFacts,
    prober: Prober,
    memory: ProbeMemory,
    now_ns: Callable[[], int],
    note: Callable[[str], None],
    watch: CrashWatch | None = None,
) -> FallbackNetwork:
    """The bundle's network on LiteRT. Raises ModelRefused with the reason, or BackendMissing.

    Where TensorRT is among `choose`'s backends, `engines.upgrade` then brings it in. ``note`` hears
    of each change of the backend that serves. ``watch`` knows what has crashed this box.
    """
    book = watch.book if watch is not None else CrashBook()
    crashed = book.refusal(bundle.model_sha256)
    if crashed:
        raise refused(bundle.source, crashed, REMEDY)
    aside = book.set_aside(bundle.model_sha256)
    for backend, why in aside.items():
        note(
            f"bundle {bundle.source}: {backend} is set aside, as it crashed the daemon ({why}); "
            f"the next one serves ({REMEDY})"
        )
    flaw = memory_flaw(bundle.manifest, board)
    if flaw:
        raise refused(bundle.source, flaw, "take a smaller model")
    choice = choose(bundle.manifest, False, board)
    if "litert" not in choice.backends:
        raise refused(bundle.source, "it may not run on LiteRT", "list litert in its backends")
    reports = try_kernels(bundle, prober, memory, aside)
    passed = {kernels: report for kernels, report in reports.items() if not report.refused}
    if not passed:
        reasons = dict.fromkeys(report.refused for report in reports.values())
        raise refused(bundle.source, "; ".join(reasons), _remedy(reports))
    for kernels, report in reports.items():
        if report.late:
            note(
                f"bundle {bundle.source}: {told_as(kernels)} is left out, as {report.refused}; the "
                "next one serves, and the next start tries it again"
            )
    manifest = bundle.manifest
    candidates = [
        Candidate(told_as(kernels), _loader(bundle, kernels), report.p50_us)
        for kernels, report in sorted(passed.items(), key=lambda each: each[1].p50_us)
    ]
    quickest_ms = (candidates[0].expected_us or 0.0) / 1e3
    if quickest_ms > manifest.latency_budget_ms:
        note(
            f"bundle {bundle.source}: takes {quickest_ms:.3g} ms on this box, over its budget of "
            f"{manifest.latency_budget_ms:g} ms; it serves all the same"
        )
    try:
        return FallbackNetwork(
            manifest.id, manifest.version, candidates, manifest.latency_budget_ms, now_ns, note,
            watching(bundle, watch),
        )  # fmt: skip
    except ModelRefused:
        raise
    except InferenceError as error:
        raise refused(bundle.source, str(error), "free some memory, then start again") from error


def _remedy(reports: Mapping[Kernels, Report]) -> str:
    if any(report.late for report in reports.values()):
        return "load it again when the box has less to do, or take a smaller model"
    return "export it again from its training"


def told_as(kernels: Kernels) -> str:
    """The name of a backend of LiteRT."""
    return f"litert-{kernels}"


def watching(
    bundle: Bundle, watch: CrashWatch | None
) -> Callable[[str], AbstractContextManager[None]]:
    """For a backend's name, what is held while the bundle's model loads and runs on it."""
    if watch is None:
        return lambda _: nullcontext()
    return lambda backend: watch.place(bundle.model_sha256, backend, bundle.manifest.id)


def try_kernels(
    bundle: Bundle, prober: Prober, memory: ProbeMemory, aside: Container[str] = ()
) -> dict[Kernels, Report]:
    """A report for each set of kernels that was tried, those ``aside`` not among them.

    One that was not done in time is refused alone: a box under load is slow, and that says nothing
    of the next. Raises ModelRefused where one crashes.
    """
    golden_cases(bundle)
    found = find_runtime()
    runtime = f"{found.package} {found.version}"
    reports: dict[Kernels, Report] = {}
    for kernels in KERNELS:
        passed = any(not report.refused for report in reports.values())
        if kernels == _LAST_RESORT and passed:
            break
        if told_as(kernels) in aside:
            continue
        trial = make_trial(bundle, kernels)
        key = memory.key(trial, runtime)
        report = memory.get(key)
        if report is None:
            report = prober.trial(trial)
            memory.put(key, report)
        if report.crashed:
            raise refused(bundle.source, report.refused, "do not use it; ask who made it")
        reports[kernels] = report
    return reports


def make_trial(bundle: Bundle, kernels: Kernels) -> Trial:
    """What the bundle's model is put through with one set of kernels."""
    manifest = bundle.manifest
    return Trial(
        model=bundle.model,
        cases=bundle.members[GOLDEN],
        inputs=manifest.inputs,
        outputs=manifest.outputs,
        golden=manifest.golden,
        kernels=kernels,
        threads=manifest.hardware.threads,
        memory_mib=manifest.hardware.memory_mib,
    )


def golden_cases(bundle: Bundle) -> list[Case]:
    """The bundle's golden cases. Raises ModelRefused where they do not fit its tensors."""
    manifest = bundle.manifest
    try:
        return unpack_cases(
            bundle.arrays(GOLDEN), manifest.golden, manifest.inputs, manifest.outputs
        )
    except ModelRefused:
        raise
    except ValueError as error:
        raise refused(bundle.source, str(error), "build it again") from error


def _loader(bundle: Bundle, kernels: Kernels) -> Callable[[], Network]:
    manifest = bundle.manifest
    threads = manifest.hardware.threads
    return lambda: LiteRtNetwork(manifest.id, manifest.version, bundle.model, threads, kernels)
