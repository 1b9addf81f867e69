"""Barcodes and QR codes in a picture, by ZXing-C++ (the extra ``codes``).

What was read is data of a stranger: it is shortened and made printable before anybody shows it.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from banksman.vision.inspection import Picture, Region
from banksman_drivers.words import printable

CODES_MOST = 16
CODE_CHARS_MAX = 200
REMEDY = "pip install 'banksman[codes]'"


def is_there() -> bool:
    """Whether the library is installed."""
    return importlib.util.find_spec("zxingcpp") is not None


class Codes:
    """Reads codes in ``region``, or in the whole picture; any thread.

    Raises ImportError where the library is not installed.
    """

    def __init__(self, region: Region | None = None) -> None:
        import zxingcpp

        self._library: Any = zxingcpp
        self._region = region

    def read(self, picture: Picture) -> tuple[str, ...]:
        """The text of every valid code in it, at most `CODES_MOST`.

        Raises PictureRefused where the region lies outside, and whatever the library raises.
        """
        looked_at = picture if self._region is None else self._region.of(picture)
        found = self._library.read_barcodes(np.ascontiguousarray(looked_at))
        texts = [printable(each.text, CODE_CHARS_MAX) for each in found if each.valid]
        return tuple(text for text in texts if text)[:CODES_MOST]
