"""A logistic head in plain numpy: the smallest useful local model, and one that can be trained.

The npz file holds, for n features:

    weights (n,)   bias ()   mean (n,)   scale (n,)   version (a string)

    score = 1 / (1 + exp(-(weights . (features - mean) / scale + bias)))

The confidence is how far the score is from undecided: max(score, 1 - score).
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from banksman_inference.ports import Capabilities, InferenceError, ModelRefused, Score

FILE_BYTES_MAX = 16_000_000
VERSION_CHARS_MAX = 64
_VECTORS = ("weights", "mean", "scale")


class NumpyHead:
    """A loaded head; see the top of the file."""

    def __init__(self, id: str, inputs: Sequence[str], file: Path) -> None:  # noqa: A002  as the port
        """Load and check ``file``; raises ModelRefused naming it, what is wrong and the remedy."""
        self.id = id
        self.inputs = tuple(inputs)
        arrays = _read(id, file)
        vectors = {name: _vector(id, file, arrays, name, len(self.inputs)) for name in _VECTORS}
        if not np.all(vectors["scale"] > 0):
            raise _refused(id, file, "scale must be over 0", "export it again from its training")
        bias = _finite(id, file, arrays, "bias")
        if bias.shape not in ((), (1,)):
            raise _refused(id, file, f"bias has shape {bias.shape}", "it is one number")
        self.version = _version(id, file, arrays)
        # Folded once: weights / scale . features + (bias - weights / scale . mean).
        slopes = vectors["weights"] / vectors["scale"]
        self._slopes: list[float] = slopes.tolist()
        self._bias = float(bias.reshape(())) - float(slopes @ vectors["mean"])
        if not math.isfinite(self._bias):
            raise _refused(id, file, "its numbers overflow", "export it again from its training")

    def score(self, features: Sequence[float]) -> Score:
        """The logistic score; raises InferenceError where the features give no finite number."""
        # For tens of features plain Python beats numpy's call overhead.
        logit = self._bias
        for slope, feature in zip(self._slopes, features, strict=True):
            logit += slope * feature
        if logit - logit != 0.0:
            raise InferenceError(f"model {self.id}: its features are not finite; check the sensors")
        odds = math.exp(-min(abs(logit), 700.0))
        confidence = 1.0 / (1.0 + odds)
        return Score(confidence if logit >= 0 else 1.0 - confidence, confidence)

    def capabilities(self) -> Capabilities:
        """One CPU thread, the caller's."""
        return Capabilities("numpy_head")


def _read(model: str, file: Path) -> dict[str, npt.NDArray[np.generic]]:
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise _refused(model, file, f"is over {FILE_BYTES_MAX} bytes", "a head is small")
        with zipfile.ZipFile(file) as members:
            if sum(member.file_size for member in members.infolist()) > FILE_BYTES_MAX:
                raise _refused(model, file, f"unpacks to over {FILE_BYTES_MAX} bytes", "not a head")
        with np.load(file, allow_pickle=False) as archive:
            return {
                name: archive[name] for name in (*_VECTORS, "bias", "version") if name in archive
            }
    except ModelRefused:
        raise
    except FileNotFoundError:
        raise _refused(model, file, "does not exist", "check the model's file option") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise _refused(model, file, f"cannot be read ({error})", "is it an npz file?") from error


def _vector(
    model: str, file: Path, arrays: dict[str, npt.NDArray[np.generic]], name: str, wanted: int
) -> npt.NDArray[np.float64]:
    array = _finite(model, file, arrays, name)
    if array.shape != (wanted,):
        hint = f"the model's inputs option lists {wanted}: list what it was trained on, in order"
        raise _refused(model, file, f"{name} has shape {array.shape}, not ({wanted},)", hint)
    return array


def _finite(
    model: str, file: Path, arrays: dict[str, npt.NDArray[np.generic]], name: str
) -> npt.NDArray[np.float64]:
    if name not in arrays:
        raise _refused(
            model, file, f"has no {name}", "it needs weights, bias, mean, scale, version"
        )
    array = arrays[name]
    if array.dtype.kind not in "fiu" or not np.all(np.isfinite(array)):
        raise _refused(model, file, f"{name} is not finite numbers", "train and export it again")
    return array.astype(np.float64)


def _version(model: str, file: Path, arrays: dict[str, npt.NDArray[np.generic]]) -> str:
    array = arrays.get("version")
    if array is None or array.shape != () or array.dtype.kind != "U":
        raise _refused(model, file, "has no version", "save version as one string")
    text = str(array)
    if not 0 < len(text) <= VERSION_CHARS_MAX or not text.isprintable():
        raise _refused(
            model, file, "its version is empty or odd", f"1 to {VERSION_CHARS_MAX} characters"
        )
    return text


def _refused(model: str, file: Path, what: str, remedy: str) -> ModelRefused:
    return ModelRefused(f"model {model}: {file}: {what} ({remedy})")
