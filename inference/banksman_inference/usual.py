"""How far the patches of good parts usually are from those of other good parts.

    part p ── each patch to each of the NEAR parts most like p ──> (patches, near parts)
                 │ least of all of them               what the memory keeps: `Recall.usual`
                 └ least without the parts of a group  what a part held out is judged by

Rules of this file
- A part that is held out must not have moved what it is judged by: were it among the neighbours
  that say how far is usual, it would never lie beyond them. Hence the second line.
- Bounded: a half-precision number for each patch and near part, 19 kB a part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from banksman_inference.recall import Floats, Kept, Recall, UsualOf

Halves = npt.NDArray[np.float16]
HALF_MAX = float(np.finfo(np.float16).max)


class Usual:
    """Of the parts that a recall keeps."""

    def __init__(
        self,
        recall: Recall,
        kept: Sequence[Kept],
        groups: npt.NDArray[np.intp],
        step: Callable[[], None],
    ) -> None:
        """``kept`` and ``groups`` (parts,) as the recall has them; ``step`` is called for each."""
        self._apart: list[tuple[npt.NDArray[np.intp], Halves]] = []
        for part, group in zip(kept, groups, strict=True):
            near, distances = recall.apart(part, groups == group)
            self._apart.append((groups[near], np.minimum(distances, HALF_MAX).astype(np.float16)))
            step()

    def of_all(self) -> Floats:
        """As a memory keeps it: (all patches,)."""
        return np.concatenate([each.min(axis=1) for _, each in self._apart]).astype(np.float32)

    def without(self, group: int) -> UsualOf:
        """The same of one part, as it would be without the parts of a group."""

        def usual_of(number: int) -> Floats:
            groups, distances = self._apart[number]
            others = distances[:, groups != group]
            # All that were near are of that group: then nothing else is known of it.
            asked = others if others.shape[1] else distances
            return np.asarray(asked.min(axis=1), np.float32)

        return usual_of
