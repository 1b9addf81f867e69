"""One thread of the linear algebra library for as long as something is learnt.

    with one_blas_thread():
        ...

A library that splits a product over threads adds up in another order, and a matrix's axes may come
out turned: the same parts and seed would give another memory on a box with more cores. On one
thread they give the same, and the cores stay with the control loop.

The libraries that numpy is built with say how many threads they use by a function of theirs
(OpenBLAS, interface extensions); numpy has none for it. Where the function is not found nothing
changes.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator

# numpy's wheels, and the systems' own OpenBLAS with 32 and 64 bit integers
_NAMES = ("scipy_openblas_{}_num_threads64_", "scipy_openblas_{}_num_threads",
          "openblas_{}_num_threads64_", "openblas_{}_num_threads")  # fmt: skip


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """For all threads of this process."""
    library = _library()
    if library is None:
        yield
        return
    handle, name = library
    before = int(getattr(handle, name.format("get"))())
    change = getattr(handle, name.format("set"))
    change(1)
    try:
        yield
    finally:
        change(before)


def _library() -> tuple[ctypes.CDLL, str] | None:
    """What numpy calls, and how it names its functions."""
    for module in ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath"):
        file = getattr(sys.modules.get(module), "__file__", None)
        if file is None:
            continue
        handle = ctypes.CDLL(file)  # loaded already; a name is looked up in what it links to
        for name in _NAMES:
            if hasattr(handle, name.format("set")) and hasattr(handle, name.format("get")):
                return handle, name
    return None
