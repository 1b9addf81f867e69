"""Which inference and vision libraries are installed, found without importing any of them.

An import of OpenCV or TensorRT costs seconds and a hundred megabytes on a small board. A Python
distribution leaves ``NAME-VERSION.dist-info`` (PyPA, "Recording installed projects"); a system
library has its version in its file's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from banksman_drivers.file_tree import Tree

# Normalised distribution name (PEP 503, with _) -> what we call it.
_DISTRIBUTIONS = {
    "ai_edge_litert": "litert",
    "tflite_runtime": "tflite_runtime",
    "tensorrt": "tensorrt",
    "opencv": "opencv",
    "opencv_python": "opencv",
    "opencv_python_headless": "opencv",
    "opencv_contrib_python": "opencv",
    "opencv_contrib_python_headless": "opencv",
    "onnxruntime": "onnxruntime",
    "onnxruntime_gpu": "onnxruntime",
    "hailort": "hailort",
}
_LIBRARIES = {
    "libnvinfer": "tensorrt",
    "libopencv_core": "opencv",
    "libonnxruntime": "onnxruntime",
    "libedgetpu": "edgetpu",
    "libhailort": "hailort",
}
_PYTHON_FOLDERS = re.compile(r"python3(\.[0-9]+)?")
_LIBRARY_FOLDERS = (
    "usr/lib/aarch64-linux-gnu",
    "usr/lib/arm-linux-gnueabihf",
    "usr/lib/x86_64-linux-gnu",
    "usr/lib",
    "usr/local/lib",
)
_INFO = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+?)-(?P<version>[0-9][^-]*)(-py[^-]*)?\.(dist|egg)-info"
)
_LIBRARY = re.compile(r"(?P<name>lib[a-z_]+)(-[0-9.]+)?\.so(\.(?P<version>[0-9.]+))?")


def read_frameworks(tree: Tree, folders: Iterable[str] = ()) -> Mapping[str, str]:
    """Name -> version. ``folders``: further site-packages, such as those of our own interpreter."""
    found: dict[str, str] = {}
    for folder in (*folders, *_python_folders(tree)):
        for name in tree.names(folder):
            _note_distribution(found, name)
    for folder in _LIBRARY_FOLDERS:
        for name in tree.names(folder):
            _note_library(found, name)
    return dict(sorted(found.items()))


def _python_folders(tree: Tree) -> list[str]:
    folders = []
    for base in ("usr/lib", "usr/local/lib", "opt/banksman/lib"):
        for name in tree.names(base):
            if _PYTHON_FOLDERS.fullmatch(name):
                folders += [f"{base}/{name}/dist-packages", f"{base}/{name}/site-packages"]
    return folders


def _note_distribution(found: dict[str, str], name: str) -> None:
    """The first place that tells a version wins, as it does for the interpreter."""
    match = _INFO.fullmatch(name)
    if match is None:
        if name.startswith("cv2.") and name.endswith(".so"):  # Debian's python3-opencv
            found.setdefault("opencv", "")
        return
    known = _DISTRIBUTIONS.get(re.sub(r"[-_.]+", "_", match["name"]).lower())
    if known is not None and not found.get(known):
        found[known] = match["version"][:32]


def _note_library(found: dict[str, str], name: str) -> None:
    match = _LIBRARY.fullmatch(name)
    known = None if match is None else _LIBRARIES.get(match["name"])
    if match is None or known is None:
        return
    version = match["version"] or ""
    # Beside libnvinfer.so.10.3.0 lie its links libnvinfer.so.10 and libnvinfer.so.
    if len(version) > len(found.get(known, "")) or known not in found:
        found[known] = version[:32]
