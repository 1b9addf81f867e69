"""What `banksman bundle` does: nothing here runs a bundle's model in this process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import msgspec

from banksman.assembly_models import this_board
from banksman.commands.showing import show, show_json
from banksman_inference.building import build_bundle
from banksman_inference.bundle import ONNX, Bundle, pack_bundle, parse_bundle, read_bundle, refused
from banksman_inference.choosing import choose
from banksman_inference.litert import KERNELS
from banksman_inference.loading import make_trial
from banksman_inference.manifest import encode_manifest
from banksman_inference.probe import Prober
from banksman_inference.trial import Report

# The reference kernels may take a hundred times as long as the others.
TRIAL_S = 120.0


class Row(msgspec.Struct, frozen=True):
    """One backend of a bundle on this box. ``refused``: why it may not serve."""

    backend: str
    refused: str
    difference: str
    p50_ms: float | None = None
    p99_ms: float | None = None
    within_budget: bool | None = None


def build(folder: Path, output: Path, as_json: bool) -> int:
    """Make ``output`` of ``folder``, unless no backend runs it as its golden cases say."""
    data = build_bundle(folder)
    bundle = parse_bundle(data, str(folder))
    rows = _rows(bundle, 1)
    if all(row.refused or row.p50_ms is None for row in rows):
        raise refused(str(folder), rows[0].refused, "see tolerance_lsb, or the export")
    _replace(output, data)
    if as_json:
        _print_json({"file": str(output), "sha256": bundle.sha256, "backends": rows})
    else:
        print(f"{output}: {len(data)} bytes, sha256 {bundle.sha256}")
        show(_line(row) for row in rows)
    return 0


def inspect(file: Path, as_json: bool) -> int:
    """Print the manifest."""
    bundle = read_bundle(file)
    if as_json:
        show_json(encode_manifest(bundle.manifest))
    else:
        show(_lines(bundle))
    return 0


def measure(file: Path, verb: str, runs: int, as_json: bool) -> int:
    """Run the golden cases on every backend, and time them where ``verb`` is bench."""
    bundle = read_bundle(file)
    rows = _rows(bundle, runs)
    usable = [row for row in rows if not row.refused and row.p50_ms is not None]
    if as_json:
        _print_json({"file": str(file), "sha256": bundle.sha256, "backends": rows})
    else:
        show(_line(row) for row in rows)
        if verb == "bench":
            print(f"budget {bundle.manifest.latency_budget_ms:g} ms")
    if verb == "bench":
        return 0 if any(row.within_budget for row in usable) else 1
    return 0 if usable else 1


def _rows(bundle: Bundle, runs: int) -> list[Row]:
    rows = []
    with Prober() as prober:
        for kernels in KERNELS:
            if sys.stderr.isatty():
                print(f"  litert, {kernels} kernels …", file=sys.stderr)
            trial = msgspec.structs.replace(make_trial(bundle, kernels), runs=runs, time_s=TRIAL_S)
            rows.append(_row(bundle, f"litert-{kernels}", prober.trial(trial)))
    if ONNX in bundle.members:
        rows.append(_onnx_row(bundle))
    against = choose(bundle.manifest, ONNX in bundle.members, this_board()).against
    why = against.get("tensorrt", "its engine is built and checked by the daemon")
    return [*rows, Row("tensorrt", why, "")]


def _onnx_row(bundle: Bundle) -> Row:
    """model.onnx beside the reference kernels, where onnxruntime is installed; in a child."""
    name = "onnxruntime-check"
    if find_spec("onnxruntime") is None:
        return Row(name, "onnxruntime is not here: pip install 'banksman[optimise]'", "")
    with tempfile.NamedTemporaryFile(suffix=".bundle") as file:
        file.write(pack_bundle(bundle.manifest, bundle.members))
        file.flush()
        done = subprocess.run(  # noqa: S603  our own module, by this interpreter
            [sys.executable, "-I", "-m", "banksman_inference.optimise.onnx_check", file.name],
            capture_output=True,
            check=False,
            timeout=TRIAL_S,
        )
    try:
        report = msgspec.json.decode(done.stdout)
        told = f"{report['worst']['lsb']:g} LSB at worst, {report['mean_lsb']:g} on average"
    except (msgspec.DecodeError, TypeError, KeyError):
        why = done.stderr.decode(errors="replace").strip()[-300:]
        return Row(name, why or f"it ends its process (code {done.returncode})", "")
    refusal = f"model.onnx is off by {told}" if done.returncode else ""
    return Row(name, refusal, told)


def _row(bundle: Bundle, backend: str, report: Report) -> Row:
    if report.refused:
        return Row(backend, report.refused, str(report.difference))
    return Row(
        backend,
        "",
        str(report.difference),
        round(report.p50_us / 1e3, 4),
        round(report.p99_us / 1e3, 4),
        report.p99_us / 1e3 <= bundle.manifest.latency_budget_ms,
    )


def _line(row: Row) -> str:
    if row.refused:
        return f"{row.backend:<17} no: {row.refused}"
    if row.p50_ms is None:
        return f"{row.backend:<17} ok, off by {row.difference}"
    over = "" if row.within_budget else "  OVER ITS BUDGET"
    return (
        f"{row.backend:<17} ok, off by {row.difference}; p50 {row.p50_ms:.3g} ms, "
        f"p99 {row.p99_ms:.3g} ms{over}"
    )


def _lines(bundle: Bundle) -> list[str]:
    told = bundle.manifest
    lines = [
        f"{told.id} {told.version}: {told.task}",
        f"sha256       {bundle.sha256}",
        *(f"input        {each.name} {each.dtype} {each.shape}" for each in told.inputs),
        *(f"output       {each.name} {each.dtype} {each.shape}" for each in told.outputs),
        f"budget       {told.latency_budget_ms:g} ms on {', '.join(told.hardware.backends)}",
        f"needs        {told.hardware.memory_mib} MiB, {told.hardware.threads} thread",
        f"golden       {told.golden.cases} cases within {told.golden.tolerance_lsb:g} LSB",
    ]
    if told.preprocessing is not None:
        made = told.preprocessing
        lines.append(
            f"picture      {made.width_px} x {made.height_px} {made.colours} {made.resize}"
        )
    if told.labels:
        lines.append(f"labels       {', '.join(told.labels[:12])}{' …' * (len(told.labels) > 12)}")
    lines += [f"threshold    {name} = {value:g}" for name, value in told.thresholds.items()]
    lines += [f"metric       {name} = {value:g}" for name, value in told.metrics.items()]
    if told.training_data:
        lines.append(f"trained on   {told.training_data}")
    lines += [f"member       {name} {each.size_bytes} bytes" for name, each in told.members.items()]
    return lines


def _replace(output: Path, data: bytes) -> None:
    """The file appears whole or not at all."""
    beside = output.with_name(f".{output.name}.new")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(output)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _print_json(shown: object) -> None:
    show_json(msgspec.json.encode(shown))
