"""A recording as bursts of samples: one array of an npz file, shape (bursts, axes, samples).

Rules of this file
- Reads only; knows no loop and no sink.
- The archive is decompressed as it is played, a few bursts at a time: a run-to-failure
  recording of hundreds of megabytes costs memory for those few.
- Nothing is unpickled: the array must hold plain numbers in C order.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from banksman_drivers.ports import DeviceLost, Unsupported

CHUNK_BYTES = 1 << 20
BURST_BYTES_MAX = 64 << 20
DAMAGE = (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, NotImplementedError)

Samples = npt.NDArray[np.float32]


class BurstRecording:
    """One array of an npz file, checked at construction.

    Raises: Unsupported saying what is wrong with the file and what was expected.
    """

    def __init__(self, path: Path, array: str, axes: int, scale: float) -> None:
        self._path = path
        self._member = f"{array}.npy"
        self._scale = np.float32(scale)
        try:
            with zipfile.ZipFile(path) as archive, self._array(archive) as file:
                self.shape, self._dtype = self._header(file)
        except DAMAGE as error:
            raise Unsupported(
                f"the recording {path} cannot be played: {error}; check file and array"
            ) from error
        if self.shape[1] < axes:
            raise Unsupported(
                f"the recording {path} has {self.shape[1]} axes, and {axes} points want one each"
            )

    def chunks(self) -> Generator[list[Samples]]:
        """The bursts, each (axes, samples), a megabyte at a time. Raises DeviceLost."""
        bursts, axes, samples = self.shape
        burst_bytes = axes * samples * self._dtype.itemsize
        together = max(1, CHUNK_BYTES // burst_bytes)
        done = 0
        try:
            with zipfile.ZipFile(self._path) as archive, self._array(archive) as file:
                self._header(file)
                while done < bursts:
                    chunk = []
                    for _ in range(min(together, bursts - done)):
                        data = _exactly(file, burst_bytes)
                        raw = np.frombuffer(data, self._dtype).reshape(axes, samples)
                        chunk.append(raw.astype(np.float32) * self._scale)
                    done += len(chunk)
                    yield chunk
        except DAMAGE as error:
            raise DeviceLost(
                f"{self._path} is damaged after burst {done}: {error}; replace the file"
            ) from error

    def _array(self, archive: zipfile.ZipFile) -> IO[bytes]:
        names = archive.namelist()
        if self._member not in names:
            has = ", ".join(name.removesuffix(".npy") for name in names)
            raise ValueError(f"no array {self._member.removesuffix('.npy')}; it has {has}")
        return archive.open(self._member)

    def _header(self, file: IO[bytes]) -> tuple[tuple[int, int, int], np.dtype[np.generic]]:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(file)
        if fortran or dtype.kind not in "iuf" or len(shape) != 3 or 0 in shape:
            raise ValueError(
                f"array of shape {shape} and type {dtype}, where numbers of shape"
                " (bursts, axes, samples) were expected"
            )
        if shape[1] * shape[2] * dtype.itemsize > BURST_BYTES_MAX:
            raise ValueError(f"a burst of {shape[1]} x {shape[2]} samples is over 64 MiB")
        return shape, dtype


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise EOFError(f"the array ends {size - len(data)} bytes early")
    return data
